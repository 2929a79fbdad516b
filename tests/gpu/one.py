"""One part in this process: python one.py PART. Run by check.py, with COMFYUI_PATH and the part's environment set."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "helpers")]

import parts  # noqa: E402


def hooks() -> None:
    """ComfyUI's dynamic VRAM puts hooks into the driver, before torch is loaded."""
    import comfy_aimdo.control

    comfy_aimdo.control.init()
    import torch

    if torch.cuda.is_available():
        print("hooks of dynamic VRAM:", comfy_aimdo.control.init_devices([(0, 0)]), flush=True)


def main(name: str) -> None:
    part = parts.named(name)
    if part.aimdo:
        hooks()
    import device

    device.load_pack()
    sys.path[:0] = [str(HERE.parent / folder) for folder in ("gpu", "benchmarks")]
    # Weights are made on the card and stay there: 20 s less for Flux.
    device.load_host(Path(os.environ["COMFYUI_PATH"]), highvram=not device.on_cpu())
    file, _, function = part.run.partition(":")
    getattr(importlib.import_module(file), function)(**part.values)


if __name__ == "__main__":
    main(sys.argv[1])
