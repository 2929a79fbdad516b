"""The project's own tests and benchmark as parts."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from device import ROOT
from report import row

HOST = ("test_whole_run", "test_continue", "test_kinds_of_training", "test_processes")


def _pytest(*arguments: str, **env: str) -> str:
    """Runs pytest, everything it prints being printed; its output. A failing run ends this part with its code."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines = []
    for line in process.stdout:
        print("  " + line, end="", flush=True)
        lines.append(line)
        if re.match(r"(FAILED|ERROR|SKIPPED) ", line):
            row(line.strip()[:300])
    if re.search(r"\d+ (passed|failed|error)", lines[-1] if lines else ""):
        row("pytest", lines[-1].strip(" =\n"))
    if process.wait():
        raise SystemExit(process.returncode)
    return "".join(lines)


def host_tests() -> None:
    """tests/host with ATHANOR_DEVICE as it is here."""
    _pytest(*(f"tests/host/{name}.py" for name in HOST))


def bench(batches: str = "4", models: str = "sdxl") -> None:
    """tests/benchmarks/bench_speed.py, one round."""
    from device import on_cpu

    chosen = () if on_cpu() else ("-k", models)
    text = _pytest(
        "-s",
        "tests/benchmarks/bench_speed.py",
        *chosen,
        ATHANOR_BENCH_BATCHES="1" if on_cpu() else batches,
        ATHANOR_BENCH_ROUNDS="1",
    )
    for line in text.splitlines():
        if line.startswith("|"):
            print(line, flush=True)
