"""Memory that building a network takes beside a U-Net of SDXL's real size (5.1 GB as fp16; Linux).

python dev.py test tests/benchmarks/bench_memory.py -s
"""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")

RECIPE_A1 = {"rank": 100000, "alpha": 100000.0, "conv_rank": 100000, "conv_alpha": 100000.0, "factor": 8}
NETWORKS = {
    "lora": {},
    "locon, all layers": {"algo": "locon", "preset": "full", "conv_rank": 8},
    "lora, dora": {"dora": True},
    "loha": {"algo": "loha"},
    "lokr, recipe A1": {"algo": "lokr", "preset": "full", "train_norm": True} | RECIPE_A1,
    "glora": {"algo": "glora"},
    "diag-oft": {"algo": "diag-oft", "rank": 8},
    "ia3": {"algo": "ia3"},
}


def resident(field: str) -> float:
    """VmRSS or VmHWM (its peak) of this process in MB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def fresh() -> float:
    """Give free memory back, forget the peak; what is in use now, in MB."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return resident("VmRSS")


def test_memory(capsys):
    import real_layouts
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    module = real_layouts.LAYOUTS["sdxl"].build("meta").half().to_empty(device="cpu").requires_grad_(False)
    for parameter in module.parameters():
        parameter.fill_(0.01)  # memory that nothing was written to does not count
    base = sum(p.numel() * p.element_size() for p in module.parameters()) / 2**20
    rows = [
        f"base {base:.0f} MB",
        "",
        "| network | its size, MB | kept beside the base, MB | peak, MB |",
        "|---|---|---|---|",
    ]
    heavy: list[str] = []
    for name, values in NETWORKS.items():
        before = fresh()
        with build.attached([build.Part(module)], NetworkSettings(**values), 0, torch.device("cpu")) as network:
            size = sum(p.numel() * p.element_size() for p in network.parameters()) / 2**20
            peak = resident("VmHWM") - before
            kept = fresh() - before
        del network
        rows.append(f"| {name} | {size:.0f} | {kept:.0f} | {peak:.0f} |")
        heavy += [name] if kept > 1.5 * size + 0.02 * base else []
    with capsys.disabled():
        print("\n" + "\n".join(rows))
    assert not heavy
