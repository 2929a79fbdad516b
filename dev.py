#!/usr/bin/env python3
"""Athanor's one door for developers: set everything up and run it. Standard library only.

python dev.py demo     train and compare on a demo model, or on --checkpoint FILE --images DIR
python dev.py test     lint, format, types and the test suite (arguments go to pytest, which then runs alone)
python dev.py serve    ComfyUI with the pack, in the browser
python dev.py docs     write the tables of the help pages again
python dev.py texts    which texts are not translated, or older than their English
python dev.py host     which ComfyUI is used, and why
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

# abspath, not resolve(): a pack that is linked into custom_nodes finds the ComfyUI around the link.
sys.path.insert(0, str(Path(os.path.abspath(__file__)).parent / "tools"))

from environment import NEWEST, ROOT, VENV, Failure, browser, find_host, python_of, say, set_up, version

# What `test` runs before the tests, each with the environment's Python.
CHECKS = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "pyright": ["-m", "pyright"],
    "JavaScript": ["tools/lint_js.py"],
}


def check() -> list[str]:
    """Run CHECKS over the whole pack; returns the names of those that failed, which have shown why."""
    failed = []
    for name, arguments in CHECKS.items():
        say(f"{name} ...")
        if subprocess.call([str(python_of(VENV)), *arguments], cwd=ROOT):
            failed.append(name)
    return failed


def workers() -> list[str]:
    """Three sets of tests at a time, each with a ComfyUI of its own: one waits (for a page, a killed process) while two compute."""
    cores = os.cpu_count() or 1
    if cores < 2:
        return []
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // 2)))  # more threads than cores are many times slower
    return ["-n", "3", "--dist", "loadfile"]


def in_venv(*arguments: str, comfyui: Path, environment: Path = VENV) -> int:
    """Run Python of our environment in the pack's folder; Ctrl-C goes to it.

    Compiled modules are kept, whatever the machine says: a suite starts some forty processes with ComfyUI, of 2 s less each.
    """
    env = os.environ | {"COMFYUI_PATH": str(comfyui), "PYTHONUTF8": "1"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen([str(python_of(environment)), *arguments], cwd=ROOT, env=env)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def test(arguments: list[str], newest: bool) -> int:
    """Run the checks and the suite, or pytest alone with these arguments; returns the exit code of what failed."""
    comfyui = set_up(newest)
    failed = check() if not arguments and not newest else []
    concerned = not arguments or any("web" in argument for argument in arguments)
    missing = browser() if concerned else ""
    environment = NEWEST if newest else VENV
    result = in_venv("-m", "pytest", *(arguments or workers()), comfyui=comfyui, environment=environment)
    if missing:
        say(missing)
    if failed:
        say(f"Failed before the tests: {', '.join(failed)}.")
    return result or int(bool(failed))


def main() -> int:
    """Parse the command and run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="set up and run the main job")
    demo.add_argument("--checkpoint", type=Path, help="your own model (SD1.5, SD2, SDXL or SD3 checkpoint)")
    demo.add_argument("--images", type=Path, help="your own pictures: a folder with .txt captions beside them")
    demo.add_argument("--resolution", type=int, help="training resolution (default: 1024 for SDXL and SD3, else 512)")
    demo.add_argument("--epochs", type=int, help="epochs to train")
    serve = commands.add_parser("serve", help="ComfyUI with the pack, in the browser")
    serve.add_argument("--port", type=int, default=8188)
    serve.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    tests = commands.add_parser(
        "test", help="check and run the test suite; further arguments go to pytest", allow_abbrev=False
    )
    tests.add_argument(
        "--newest",
        action="store_true",
        help="with the newest PyTorch, lycoris-lora and ComfyUI page, in their own folder",
    )
    commands.add_parser("host", help="print which ComfyUI is used and why")
    commands.add_parser("docs", help="write the tables of the help pages again, from the settings")
    commands.add_parser("texts", help="list texts without a translation, and outdated ones")
    commands.add_parser("demo-base", help="train the demo base's weights again (about an hour)")
    arguments, rest = parser.parse_known_args()
    if rest and arguments.command not in ("test", "texts", "demo-base"):
        parser.error(f"unknown arguments: {' '.join(rest)}")
    try:
        if arguments.command == "host":
            path, why = find_host()
            say(f"{path}\nComfyUI {version(path)}: {why}")
            return 0
        if arguments.command == "test":
            return test(rest, arguments.newest)
        comfyui = set_up()
        if arguments.command == "demo-base":
            # It computes on the CPU: threads that spin while they wait make it ten times slower on a busy machine.
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
            return in_venv("demo/train_base.py", "--comfyui", str(comfyui), *rest, comfyui=comfyui)
        tools = {"docs": "tools/help_pages.py", "texts": "tools/texts.py"}
        script = tools.get(arguments.command, f"demo/{arguments.command}.py")
        return in_venv(script, *sys.argv[2:], comfyui=comfyui)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
