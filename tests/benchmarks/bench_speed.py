"""Time and memory of a training step: ours, the bare frozen model, LyCORIS' own forms, ComfyUI's Train LoRA; one table.

python dev.py test tests/benchmarks/bench_speed.py -s

On a GPU (ATHANOR_BENCH=cuda) with SD1.5 and SDXL in their real sizes, random bf16 weights; else with a narrow SD1.5.
Variants take turns, a round each; times are processor time on a CPU (others may use it) and wall time on a GPU, medians of the
ratios to the bare model's time of the same round.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "host"))

CUDA = os.environ.get("ATHANOR_BENCH") == "cuda" and torch.cuda.is_available()
BATCHES = tuple(map(int, os.environ.get("ATHANOR_BENCH_BATCHES", "1,4,8").split(",")))
ROUNDS = 9 if CUDA else int(os.environ.get("ATHANOR_BENCH_ROUNDS", "3"))
RANK = 16
MODELS = {"sd15": 64, "sdxl": 128} if CUDA else {"sd15, one level": 12}
"""Name -> side of the latents."""


@pytest.fixture(scope="session")
def comfy(comfyui: Path) -> None:
    """The host in this process, on the GPU if there is one to be measured."""
    sys.path.insert(0, str(comfyui))
    import comfy.cli_args

    comfy.cli_args.args.cpu = not CUDA
    import comfy.model_management


@dataclass
class Variant:
    """One way to train, and what was seen of it."""

    step: Callable[[], Any]
    kept: int = 0  # bytes: peak on a GPU, else what is kept for the backward pass
    seconds: list[float] = field(default_factory=list)
    ratio: float = 1.0  # to the bare model


def clock() -> float:
    if CUDA:
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def measured(variant: Variant) -> None:
    start = clock()
    variant.step()
    variant.seconds.append(clock() - start)


def memory(step: Callable[[], Any], *modules: torch.nn.Module) -> int:
    import saved

    if CUDA:
        step()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated()
    with saved.counted(*modules) as kept:
        step()
    return kept.bytes


def load(name: str, inference: bool = True) -> Any:
    """A MODEL of random weights, made in inference mode as the host's executor does it."""
    import comfy.sd
    import tiny
    import tiny_layouts

    with torch.inference_mode(inference):
        if not CUDA:
            return comfy.sd.load_diffusion_model_state_dict(tiny.sd15_unet(), model_options={"dtype": torch.float32})
        layout = tiny_layouts.LAYOUTS[name]
        module = layout.build("cpu").bfloat16()
        generator = torch.Generator("cuda").manual_seed(0)
        state = {}
        for key, value in module.state_dict().items():
            spread = value[0].numel() ** -0.5 if value.ndim > 1 else 0.1
            drawn = torch.randn(value.shape, generator=generator, device="cuda") * spread
            state[key] = (drawn + (value.ndim == 1 and key.endswith("weight"))).bfloat16().cpu()
        return comfy.sd.load_diffusion_model_state_dict(layout.named(state), model_options={"dtype": torch.bfloat16})


def inputs(name: str, batch: int, side: int) -> tuple[Any, Any, Any]:
    from athanor.training_core.host.model import Geometry
    from athanor.training_core.host.text import Text

    xl = name == "sdxl"
    torch.manual_seed(0)
    extras = {"pooled_output": torch.randn(1, 1280)} if xl else {}
    texts = [Text(torch.randn(1, 77, 2048 if xl else 768), extras) for _ in range(batch)]
    size = (side * 8, side * 8)
    return torch.randn(batch, 4, side, side), texts, [Geometry(size, (0, 0), size)] * batch


@contextlib.contextmanager
def form(how: str) -> Iterator[None]:
    """ours, LyCORIS' bypass or its default."""
    from athanor.training_core.network import build

    with pytest.MonkeyPatch.context() as patch:
        if how != "ours":
            patch.setattr(build, "lean_forward", lambda _lora: None)
        if how == "default":
            patch.setattr(build, "BYPASS", ())
            patch.setattr(build, "exact", lambda _lora: None)
        yield


NETWORKS = {
    "lora": ("ours", {}, "off"),
    "lora, checkpointing part": ("ours", {}, "part"),
    "lora, checkpointing all": ("ours", {}, "all"),
    "lora, LyCORIS' bypass": ("bypass", {}, "off"),
    "lora, LyCORIS' default": ("default", {}, "off"),
    "lokr": ("ours", {"algo": "lokr"}, "off"),
    "lokr, LyCORIS' bypass": ("bypass", {"algo": "lokr"}, "off"),
    "lokr, LyCORIS' default": ("default", {"algo": "lokr"}, "off"),
    "loha": ("ours", {"algo": "loha"}, "off"),
    "loha, LyCORIS' bypass": ("bypass", {"algo": "loha"}, "off"),
    "full": ("ours", {"algo": "full"}, "off"),
    "lora, compiled blocks": ("ours", {}, "compile"),
}
if not CUDA:
    NETWORKS.pop("lora, compiled blocks")


@contextlib.contextmanager
def training(host_model: Any, name: str, batch: Any) -> Iterator[Variant]:
    """A step as a run makes it: noise, forward, backward, clipping, AdamW."""
    from athanor.training_core.host import compiled
    from athanor.training_core.network import build, groups
    from athanor.training_core.objective import Objective
    from athanor.training_core.optim import optimizers
    from athanor.training_core.run.step import Stepper
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings, OptimizerSettings

    how, values, blocks = NETWORKS[name]
    settings = NetworkSettings(rank=RANK, **values)
    with contextlib.ExitStack() as stack:
        stack.enter_context(form(how))
        if blocks == "compile":
            stack.enter_context(compiled.compiled(host_model.diffusion_model))
        part = build.Part(host_model.diffusion_model)
        network = stack.enter_context(build.attached([part], settings, 0, host_model.device))
        stack.enter_context(host_model.checkpointed(blocks))
        objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
        optimizer = optimizers.build(OptimizerSettings(), groups.parameter_groups(network, settings, 1e-4))
        scaler = torch.amp.GradScaler(host_model.device.type, enabled=False)
        step = Stepper(
            host_model.predict, objective, network, optimizer, 1.0, 0, scaler,
            around=lambda: network.formed(host_model.compute_dtype),
        )  # fmt: skip
        variant = Variant(lambda: step(0, 1e-4, [host_model.batch(*batch, [1.0] * len(batch[0]))]))
        variant.step()
        yield variant


def bare(host_model: Any, batch: Any) -> Callable[[], None]:
    """Forward and backward to the input alone."""
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NoiseSettings

    ready = host_model.batch(*batch, [1.0] * len(batch[0]))
    x = Objective(LossSettings(), NoiseSettings(), host_model.schedule).prepare(ready.latents, 0, 0)

    def step() -> None:
        noisy = type(x)(x.x.clone().requires_grad_(True), x.sigma, x.t, x.target)
        host_model.predict(noisy, ready).square().mean().backward()

    return step


def ours(model: Any, name: str, side: int, count: int) -> dict[str, Variant]:
    """All variants, a round each in turn; only one is attached at a time."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable

    batch = inputs(name, count, side)
    with guard.training(), trainable(model, "auto" if CUDA else "no", "off") as host_model:
        plain = Variant(bare(host_model, batch))
        plain.step()
        plain.kept = memory(plain.step, host_model.diffusion_model)
        seen = {"bare forward + backward": plain}
        ratios: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for key in NETWORKS:
                measured(plain)
                with training(host_model, key, batch) as variant:
                    measured(variant)
                    known = seen.setdefault(key, variant)
                    known.kept = known.kept or memory(variant.step, host_model.diffusion_model)
                    ratios.setdefault(key, []).append(variant.seconds[-1] / plain.seconds[-1])
                    if known is not variant:
                        known.seconds += variant.seconds
        for key, found in ratios.items():
            seen[key].ratio = statistics.median(found)
    return seen


def native(model: Any, name: str, side: int, count: int, **options: Any) -> tuple[float, int]:
    """ComfyUI's own node on the same data: (median seconds of a step, memory)."""
    import comfy_extras.nodes_train as node
    import saved
    from athanor.training_core.host import guard

    latents, texts, _ = inputs(name, count, side)
    times: list[float] = []

    class Bar:
        def __init__(self, _total: int) -> None:
            times.append(clock())

        def update(self, _by: int) -> None:
            times.append(clock())

    values = {
        "batch_size": count, "steps": 1 + max(2, ROUNDS), "grad_accumulation_steps": 1, "learning_rate": 1e-4, "rank": RANK,
        "optimizer": "AdamW", "loss_function": "MSE", "seed": 0, "training_dtype": "bf16" if CUDA else "fp32",
        "lora_dtype": "fp32", "quantized_backward": False, "algorithm": "LoRA", "gradient_checkpointing": False,
        "checkpoint_depth": 1, "offloading": False, "existing_lora": "[None]", "bucket_mode": False, "bypass_mode": False,
    } | options  # fmt: skip
    positive = [[text.cond, dict(text.extras)] for text in texts]
    kept = saved.Saved(())
    inside = node.TrainSampler.fwd_bwd

    def counted(*args: Any, **kwargs: Any) -> Any:
        """The last step's tensors, weights left out."""
        if CUDA or len(times) < 2:
            return inside(*args, **kwargs)
        weights = args[1].inner_model.parameters()
        with saved.counted() as found:
            found._seen |= saved.Saved(weights)._seen
            result = inside(*args, **kwargs)
        kept.bytes = found.bytes
        return result

    guard.give_way()
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(model, "cached_patcher_init", (lambda **_: load(name, False), ()))  # it trains a second copy
        patch.setattr(node, "ProgressBar", Bar)
        patch.setattr(node.TrainSampler, "fwd_bwd", counted)
        node.TrainLoraNode.execute(
            [model], [{"samples": latents}], [positive], **{key: [value] for key, value in values.items()}
        )
    steps = [b - a for a, b in itertools.pairwise(times[1:])]
    return statistics.median(steps), torch.cuda.max_memory_allocated() if CUDA else kept.bytes


NATIVE = {
    "ComfyUI's Train LoRA": {},
    "ComfyUI's Train LoRA, bypass_mode": {"bypass_mode": True},
    "ComfyUI's Train LoRA, as it comes (checkpointing)": {"gradient_checkpointing": True},
}


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", MODELS)
def test_speed(name, batch, comfy, capsys):
    if not CUDA:
        torch.set_num_threads(1)
    model = load(name)
    side = MODELS[name]
    seen = ours(model, name, side, batch)
    plain, own = seen["bare forward + backward"], seen["lora"]
    base = statistics.median(plain.seconds)
    what = "peak, MB" if CUDA else "kept for backward, MB"
    per_second = " | img/s" if CUDA else ""
    rows = [f"| {name}, batch {batch} | of bare | {what}{per_second} |", "|---|---|---|" + "---|" * CUDA]

    def row(label: str, ratio: float, kept: int) -> str:
        speed = f" | {batch / (ratio * base):.2f}" if CUDA else ""
        return f"| {label} | {ratio:.2f} | {kept / 2**20:.0f}{speed} |"

    rows.append(row(f"bare forward + backward ({base * 1000:.0f} ms)", 1.0, plain.kept))
    rows += [row(key, seen[key].ratio, seen[key].kept) for key in NETWORKS]
    for key, options in NATIVE.items():
        seconds, kept = native(model, name, side, batch, **options)
        rows.append(row(key, seconds / base, kept))
        if key == "ComfyUI's Train LoRA":
            faster = own.ratio * base / seconds, own.kept / max(1, kept)
    rows.append(f"\nours / ComfyUI's Train LoRA: time {faster[0]:.2f}, memory {faster[1]:.2f}")
    with capsys.disabled():
        print("\n" + "\n".join(rows), flush=True)


@pytest.mark.skipif(not CUDA, reason="a share of a GPU's matrix rate needs a GPU")
def test_share_of_the_matrix_rate(comfy, capsys):
    """Arithmetic of SDXL at 1024 (14.7 TFLOP a picture with LoRA) against what a large product reaches here."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(10):
        a @ b
    start = clock()
    for _ in range(50):
        a @ b
    rate = 50 * 2 * 8192**3 / (clock() - start)
    seen = ours(load("sdxl"), "sdxl", 128, max(BATCHES))
    seconds = statistics.median(seen["lora"].seconds)
    used = 14.7e12 * max(BATCHES) / seconds
    with capsys.disabled():
        print(f"\n{rate / 1e12:.0f} TFLOP/s measured, {used / 1e12:.0f} used: {used / rate:.2f}")
