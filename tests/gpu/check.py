"""Runs the parts, each in a process of its own with a limit, and writes the report: python check.py [PART...].

$OUT/table.md is the report, log.txt everything that was printed, values.json the numbers, profile.txt kernels by time.
GPU_LIMIT: seconds for all of it (540); GPU_SLOW: multiplies every limit (1), for machines without a card.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import bars
import parts
import report

HERE = Path(__file__).resolve().parent
LEAST = 10
"""Seconds that a part is begun with at least."""


class Check:
    """One go: what is left of the time, and what was seen."""

    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        for name in ("log.txt", "profile.txt"):  # they grow
            (out / name).unlink(missing_ok=True)
        self._out, self._start = out, time.monotonic()
        self._limit, self._slow = (
            float(os.environ.get(name, value)) for name, value in (("GPU_LIMIT", 540), ("GPU_SLOW", 1))
        )
        # Not in this process: it would hold a part of the card's memory.
        head = subprocess.run([sys.executable, str(HERE / "heading.py")], capture_output=True, text=True, check=True)
        self._head = head.stdout.rstrip("\n").split("\n")
        self.card = self._head[0]
        self._sections: list[str] = []
        self._left_out: list[str] = []
        self._values: dict[str, float] = {}

    def run(self, part: parts.Part) -> None:
        """A part within its limit and what is left; its report is kept, and written at once."""
        left = self._limit - (time.monotonic() - self._start)
        if left < LEAST or (part.needs_card and not self.card):
            self._left_out.append(f"{part.name} ({'no time' if left < LEAST else 'needs a card'})")
            return self._write()
        print(f"== {part.name}", flush=True)
        start = time.monotonic()
        code, lines = self._process(part, min(part.seconds * self._slow, left))
        self._values |= report.values_of(lines)
        said = {0: "", 124: ", stopped at its limit"}.get(code, f", FAILED with code {code}")
        title = f"**{part.name}**: {part.question} ({time.monotonic() - start:.0f} s{said})"
        end = [] if code == 0 else ["", *(f"    {line}" for line in lines[-6:])]
        self._sections.append("\n".join([title, "", *report.table(lines), *end, ""]))
        self._write()

    def _process(self, part: parts.Part, seconds: float) -> tuple[int, list[str]]:
        """(exit code, 124 at the limit; lines of its output)."""
        with (self._out / "log.txt").open("a+", encoding="utf-8", errors="replace") as log:
            log.write(f"\n== {part.name}\n")
            log.flush()
            begin = log.tell()
            command = [sys.executable, str(HERE / "one.py"), part.name]
            process = subprocess.Popen(
                command, env=os.environ | dict(part.env), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = 124
            finally:
                _end(process)
            log.seek(begin)
            return code, log.read().splitlines()

    def _write(self) -> None:
        """The report as far as it is."""
        seconds = time.monotonic() - self._start
        title = f"# Check on {self.card}" if self.card else "# No card: proof that the check runs, not a measurement"
        text = [
            title, "", *self._head[1:], f"| whole go | {seconds:.0f} of {self._limit:.0f} s |", "",
            *bars.rows(self._values, self.card), "", *bars.ratios(self._values, self.card), "", *self._sections,
        ]  # fmt: skip
        if self._left_out:
            text.append(f"Left out: {', '.join(self._left_out)}.")
        (self._out / "table.md").write_text("\n".join(text) + "\n", encoding="utf-8")
        (self._out / "values.json").write_text(json.dumps(self._values, indent=1), encoding="utf-8")


def _end(process: subprocess.Popen[bytes]) -> None:
    """This part and what it has started: a server that was left would hold the card."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        time.sleep(1)
    process.wait()


def main(names: list[str]) -> None:
    chosen = [parts.named(name) for name in names] or parts.PARTS
    out = Path(os.environ.get("OUT", "/tmp/out"))
    check = Check(out)
    for part in chosen:
        check.run(part)
    print((out / "table.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(sys.argv[1:])
