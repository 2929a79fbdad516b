"""LoRA Edit and LoRA Extract beside sd-scripts' tools on the same layers: SDXL's layout, rank 64, processor time.

ATHANOR_SD_SCRIPTS=folder python dev.py test tests/benchmarks/bench_edit.py -s

The folder is a checkout of sd-scripts; without it ours are measured alone. Its tools are loaded from networks/ with stand-ins for what
they import beside torch. Resizing is measured on one layer of each size and counted up, which is exact to the noise of the clock: theirs
decomposes the whole change of each layer, minutes for some. Number of threads: OMP_NUM_THREADS.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

SD_SCRIPTS = os.environ.get("ATHANOR_SD_SCRIPTS", "")
RANK, NEW = 64, 16
Shape = tuple[int, int]


def layers() -> dict[str, Shape]:
    """SDXL's layers of the preset attn-mlp by their names in files, with (out, in)."""
    import real_layouts

    state = real_layouts.LAYOUTS["sdxl"].build("meta").state_dict()
    inside = ("transformer_blocks", "proj_in", "proj_out")
    return {
        "lora_unet_" + key.removesuffix(".weight").replace(".", "_"): (value.shape[0], value.shape[1])
        for key, value in state.items()
        if key.endswith(".weight") and value.ndim == 2 and any(word in key for word in inside)
    }


def lora(path: Path, shapes: dict[str, Shape], seed: int) -> Path:
    """A LoRA file whose singular values fall."""
    draw, state = torch.Generator().manual_seed(seed), {}
    falling = torch.logspace(0, -2, RANK)
    for name, (out, into) in shapes.items():
        state[f"{name}.lora_up.weight"] = (torch.randn(out, RANK, generator=draw) * falling * 0.1).half()
        state[f"{name}.lora_down.weight"] = (torch.randn(RANK, into, generator=draw) * into**-0.5).half()
        state[f"{name}.alpha"] = torch.tensor(RANK / 2)
    save_file(state, path)
    return path


def seconds(act: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = act()
    return time.process_time() - start, made


def theirs(name: str) -> Any:
    """A tool of sd-scripts; None without a checkout."""
    if not SD_SCRIPTS:
        return None
    folder = str(Path(SD_SCRIPTS) / "networks")
    for stand_in in (
        "library",
        "library.train_util",
        "library.model_util",
        "library.sai_model_spec",
        "library.utils",
        "lora",
        "oft",
    ):
        sys.modules.setdefault(stand_in, ModuleType(stand_in))
    for part in ("train_util", "model_util", "sai_model_spec", "utils", "sdxl_model_util"):
        module = sys.modules.setdefault(f"library.{part}", ModuleType(f"library.{part}"))
        setattr(sys.modules["library"], part, module)
    util: Any = sys.modules["library.train_util"]
    util.load_metadata_from_safetensors = lambda _path: {}
    util.build_minimum_network_metadata = lambda *_: {}
    util.SS_METADATA_KEY_V2 = util.SS_METADATA_KEY_BASE_MODEL_VERSION = ""
    sys.modules["library.model_util"].is_safetensors = lambda _path: True  # type: ignore[attr-defined]
    sys.modules["library.utils"].setup_logging = lambda *_: None  # type: ignore[attr-defined]
    sys.path.insert(0, folder)
    try:
        spec = importlib.util.spec_from_file_location(f"theirs_{name}", Path(folder) / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(folder)


def change(state: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    up, down = state[f"{name}.lora_up.weight"].float(), state[f"{name}.lora_down.weight"].float()
    return up @ down * (float(state[f"{name}.alpha"]) / down.shape[0])


def apart(ours: dict[str, torch.Tensor], others: dict[str, torch.Tensor], name: str) -> float:
    one, other = change(ours, name), change(others, name)
    return float((one - other).norm() / other.norm())


class Table:
    """Rows of seconds, each printed when it is known: ours, theirs, their ratio, and how far the results are from each other."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._say("\n| | ours, s | sd-scripts, s | theirs / ours | results apart |\n|---|---|---|---|---|")

    def _say(self, text: str) -> None:
        with self._capsys.disabled():
            print(text, flush=True)

    def add(self, label: str, ours: float, others: float | None, far: float | None = None) -> None:
        ratio = "" if others is None else f"{others / ours:.1f}"
        told = "" if others is None else f"{others:.2f}"
        self._say(f"| {label} | {ours:.2f} | {told} | {ratio} | {'' if far is None else f'{far:.1e}'} |")


def test_resize_and_merge(comfy, tmp_path, capsys):
    """A whole SDXL file at rank 64: made smaller, and merged with another one."""
    from athanor.training_core.edit import build
    from athanor.training_core.edit.build import Source, Wanted
    from athanor.training_core.edit.svd import RankRule

    table, whole = Table(capsys), layers()
    counts = Counter(whole.values())
    rule, tool = RankRule(rank=NEW), theirs("resize_lora")
    sums = [0.0, 0.0]
    for shape, count in counts.items():
        one = lora(tmp_path / "one.safetensors", {"lora_unet_x": shape}, 1)
        wanted = Wanted(sources=(Source(path=one),), rule=rule)
        build.make(wanted)
        ours, made = seconds(lambda: build.make(wanted))  # noqa: B023
        others, far = None, None
        if tool:
            state, _ = tool.load_state_dict(str(one), torch.float)
            others, (result, *_) = seconds(
                lambda: tool.resize_lora_model(state, NEW, NEW, torch.float16, None, None, None, False)  # noqa: B023
            )
            far = apart(made.tensors, result, "lora_unet_x")
            sums[1] += others * count
        sums[0] += ours * count
        table.add(f"resize {RANK} to {NEW}, {shape[0]} x {shape[1]}, {count} of them", ours, others, far)
    table.add(f"all {len(whole)} layers, counted up", sums[0], sums[1] if tool else None)
    one, other = (lora(tmp_path / f"{n}.safetensors", whole, n) for n in (1, 2))
    ours, made = seconds(lambda: build.make(Wanted(sources=(Source(path=one),), rule=rule)))
    table.add(f"resize the file ({one.stat().st_size / 1e6:.0f} MB)", ours, None, made.error)
    tool = theirs("sdxl_merge_lora")
    both = (Source(path=one, weight=0.5), Source(path=other, weight=0.5))
    ours, made = seconds(lambda: build.make(Wanted(sources=both)))
    others = (
        tool
        and seconds(lambda: tool.merge_lora_models([str(one), str(other)], [0.5, 0.5], [], torch.float, concat=True))[0]
    )
    table.add("merge two files, ranks added up", ours, others)
    ours, made = seconds(lambda: build.make(Wanted(sources=both, rule=RankRule(rank=RANK))))
    table.add(f"merge two files at rank {RANK}", ours, None, made.error)
    tool, shape = theirs("svd_merge_lora"), (1280, 1280)
    one, other = (lora(tmp_path / f"{n}.safetensors", {"lora_unet_x": shape}, n) for n in (1, 2))
    both = (Source(path=one, weight=0.5), Source(path=other, weight=0.5))
    ours, made = seconds(lambda: build.make(Wanted(sources=both, rule=RankRule(rank=RANK))))
    if tool:
        tool.CLAMP_QUANTILE = 1.0  # a loss of its own, which is not taken over
        others, (result, *_) = seconds(
            lambda: tool.merge_lora_models([str(one), str(other)], [0.5, 0.5], [], RANK, RANK, None, torch.float)
        )
        table.add(
            f"merge two layers of {shape[0]} x {shape[1]} at rank {RANK}",
            ours,
            others,
            apart(made.tensors, result, "lora_unet_x"),
        )


def test_extract(comfy, capsys):
    """One layer of each size whose change is noise beside a low rank; theirs is one call for each: a whole decomposition in float32."""
    from athanor.training_core.edit import extract
    from athanor.training_core.edit.svd import RankRule

    table, sums = Table(capsys), [0.0, 0.0]
    for shape, count in Counter(layers().values()).items():
        draw = torch.Generator().manual_seed(1)
        low = torch.randn(shape[0], 16, generator=draw) @ torch.randn(16, shape[1], generator=draw) * 1e-3
        matrix = low + torch.randn(shape, generator=draw) * 1e-3
        layer = extract.Difference(name="x", shape=shape, read=lambda _, matrix=matrix: matrix)
        ours, found = seconds(lambda: extract.make([layer], RankRule(rank=32), "float"))  # noqa: B023
        others, far = None, None
        if SD_SCRIPTS:
            others, (u, values, v) = seconds(lambda: torch.linalg.svd(matrix))  # noqa: B023
            best = u[:, :32] @ torch.diag(values[:32]) @ v[:32]
            far = float((change(found.made.tensors, "x") - best).norm() / best.norm())
            sums[1] += others * count
        sums[0] += ours * count
        table.add(f"extract, {shape[0]} x {shape[1]}, {count} of them", ours, others, far)
    table.add("all layers, counted up", sums[0], sums[1] if SD_SCRIPTS else None)
