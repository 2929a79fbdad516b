"""The parts of the check, most important first. A part is a function of a file here; adding one is that function and a line below.

Standard library only: the runner and a test read it without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """One process with a limit of its own."""

    name: str
    seconds: int  # limit
    run: str  # file:function
    question: str  # that it answers
    values: Mapping[str, object] = field(default_factory=dict)  # of the function
    env: Mapping[str, str] = field(default_factory=dict)
    aimdo: bool = False  # with the hooks of ComfyUI's dynamic VRAM, as its main has them
    needs_card: bool = False  # without one it has nothing to say


ASYNC = {"PYTORCH_CUDA_ALLOC_CONF": "backend:cudaMallocAsync"}
"""ComfyUI's own choice with CUDA 13."""
CUBLAS = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
LEGACY = {
    "options": ("--disable-dynamic-vram",),
    "only": ("lora, SD1.5", "lora, SD1.5, float32 file", "text encoder too, SD1.5", "whole model with samples, SD1.5"),
}
SD15_1, SDXL_1, FLUX_1 = ({"model": name, "count": 1} for name in ("sd15", "sdxl", "flux"))
SDXL_4 = SDXL_1 | {"count": 4}

# fmt: off
PARTS = (
    # Does it train at all?
    Part("server", 90, "served:quickstart", "the quickstart in a real ComfyUI with dynamic VRAM, twice: equal bytes?"),
    Part("server-kinds", 130, "served:kinds", "in it: float32 files, text encoders, whole models, samples, a MODEL without a file"),
    Part("legacy", 80, "served:kinds", "four of them with --disable-dynamic-vram", LEGACY),
    Part("gradients", 25, "gradients:both", "are they autograd's: rotations by the host's kernel, a layer with its LoRA?"),
    Part("bytes", 60, "sameness:steps", "SDXL steps twice with the setting deterministic off and on: equal? its price", env=CUBLAS),
    # How fast, and in how much memory?
    Part("speed-sdxl-4", 60, "speed:step", "SDXL, batch 4: time, peak, share of the matrix rate, waits, kernels by kind", SDXL_4),
    Part("speed-sdxl-1", 45, "speed:step", "the same at batch 1, where the CPU is the limit", SDXL_1),
    Part("comfyui", 60, "others:comfyui", "ComfyUI's Train LoRA on the same data, batch 1", SDXL_1),
    Part("diffusers", 60, "others:diffusers", "diffusers + peft on the same layout, layers and batch", SDXL_1),
    Part("compiled", 110, "speed:compiled", "torch_compile, batch 4: seconds to the first step, a step, peak, loss, gradient", SDXL_4),
    Part("speed-async", 45, "allocator:step", "batch 1 with cudaMallocAsync, ComfyUI's choice with CUDA 13", SDXL_1, ASYNC, aimdo=True),
    Part("speed-sd15-1", 30, "speed:step", "SD1.5 at 512, batch 1", SD15_1),
    Part("memory", 45, "memory:split", "out of memory in a step: split, same losses, nothing left behind"),
    Part("lending", 45, "lending:weights", "pages locked for swapped blocks; the model partly unloaded in mid-run", SDXL_1),
    Part("settings", 75, "speed:settings", "checkpointing, swapped blocks, LoKr, LoHa, full, DoRA: time, peak, loss", SDXL_1),
    Part("speed-flux", 100, "speed:step", "Flux dev, all 57 blocks, batch 1, at 1024 and 512", FLUX_1 | {"steps": 4}),
    # What would pay?
    Part("card", 30, "card:ceilings", "matrix rate, copies, the cost of telling the card an operation", needs_card=True),
    Part("tricks", 120, "tricks:all_of_them", "SDXL batch 1: AdamW's forms, channels_last, reduce-overhead, a CUDA graph"),
    Part("optimizers", 45, "optimizers:all_of_them", "every optimizer by name takes steps, and its state survives being packed"),
    Part("vae", 40, "encoding:vae", "SDXL's VAE in bf16 against float32: time, and what rounding does"),
    Part("kernels", 40, "sameness:kernels", "attention by shape and kernel: time, and the price of deterministic ones", env=CUBLAS),
    Part("bytes-sd15", 40, "sameness:steps", "as bytes, SD1.5", {"model": "sd15"}, CUBLAS),
    Part("tf32", 45, "tricks:tf32", "SDXL in float32, batch 1: what TF32 gives, and what it rounds"),
    Part("pool", 45, "allocator:pool", "can a memory pool stand in for cudaMallocAsync within a process?", SDXL_1, ASYNC),
    Part("bytes-flux", 90, "sameness:steps", "as bytes, Flux", FLUX_1, CUBLAS),
    # Does what chooses among LoRAs leave training alone?
    Part("scoring", 40, "choosing:between_steps", "SDXL steps with a vision model in between: equal? memory given back?", env=CUBLAS),
    Part("extract", 40, "edits:extract", "LoRA Extract on the card and on the CPU: equal? seconds"),
    Part("choosing", 75, "choosing:in_a_server", "in a real ComfyUI: scores while it trains and of a grid, LoRA steps, a sweep"),
    # The project's own tests and tables on a card.
    Part("host-tests", 240, "suite:host_tests", "four files of tests/host with the card in the place of --cpu"),
    Part("bench", 200, "suite:bench", "tests/benchmarks' table, SDXL, batch 4, one round"),
)
# fmt: on


def table() -> str:
    """For the README."""
    rows = [f"| {part.name} | {part.seconds} | {part.question}{', needs a card' * part.needs_card} |" for part in PARTS]
    return "\n".join(["| part | limit, s | question |", "|---|---|---|", *rows])


def named(name: str) -> Part:
    """A part by its name.

    Raises:
        SystemExit: there is none; names them all.
    """
    found = {part.name: part for part in PARTS}
    if name not in found:
        raise SystemExit(f"There is no part {name}; there are: {', '.join(found)}.")
    return found[name]
