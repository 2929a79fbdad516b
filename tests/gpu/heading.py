"""What a table is worth nothing without: card, driver, versions, allocator, the pack's commit, the date."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

from device import ROOT

PACKAGES = (
    "torch", "triton", "transformers", "accelerate", "safetensors", "numpy", "lycoris-lora", "bitsandbytes", "comfy-kitchen", "comfy-aimdo",
    "diffusers", "peft",
)  # fmt: skip
UNKNOWN = "unknown"


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def output(*command: str) -> str:
    """What a command prints, or ''."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def commit() -> str:
    """Of the pack: as pack.sh has written it, or git's."""
    written = ROOT / ".comfy" / "commit"
    if written.is_file():
        return written.read_text(encoding="utf-8").strip()
    return output("git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*") or UNKNOWN


def comfyui() -> str:
    file = Path(os.environ.get("COMFYUI_PATH", "")) / "comfyui_version.py"
    return file.read_text(encoding="utf-8").split('"')[-2] if file.is_file() else UNKNOWN


def lines() -> list[str]:
    """Rows of the heading; the first names the card, '' without one."""
    import torch

    card = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    driver = output("nvidia-smi", "--query-gpu=driver_version,memory.total", "--format=csv,noheader") if card else ""
    told = {
        "card": card or "none; every model is a narrow SD1.5, times are processor time",
        "driver, memory": driver or "none",
        "Python, system": f"{platform.python_version()}, {platform.platform()}, {os.cpu_count()} CPUs",
        "torch, CUDA, cuDNN": f"{torch.__version__}, {torch.version.cuda}, {torch.backends.cudnn.version()}",
        "allocator": (torch.cuda.get_allocator_backend() if card else "CPU")
        + "; a part may have another, the server says its own",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "ComfyUI": comfyui(),
        "commit of the pack": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }
    return [card, "| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in told.items())]


if __name__ == "__main__":
    print("\n".join(lines()))
