"""ComfyUI's own Train LoRA node on the same data, to be compared with."""

from __future__ import annotations

import contextlib
import itertools
import statistics
from collections.abc import Iterator
from typing import Any
from unittest import mock

import drawn
import saved
import torch
from device import on_cpu
from timing import clock, fresh
from whole_step import RANK, RATE

VALUES = {
    "grad_accumulation_steps": 1, "learning_rate": RATE, "rank": RANK, "optimizer": "AdamW", "loss_function": "MSE", "seed": 0,
    "lora_dtype": "fp32", "quantized_backward": False, "algorithm": "LoRA", "gradient_checkpointing": False,
    "checkpoint_depth": 1, "offloading": False, "existing_lora": "[None]", "bucket_mode": False, "bypass_mode": False,
}  # fmt: skip


def native(name: str, count: int, steps: int, **options: Any) -> tuple[float, int]:
    """(median seconds of a step, bytes: the peak on a card, else what a step keeps for its backward pass)."""
    import comfy.utils
    import comfy_extras.nodes_train as node
    from athanor.training_core.host import devices

    latents, texts, _ = drawn.inputs(name, count)
    times: list[float] = []
    kept = saved.Saved(())
    inside = node.TrainSampler.fwd_bwd

    class Bar(comfy.utils.ProgressBar):
        """Its steps, as the node's own progress bar sees them."""

        def __init__(self, total: int, *_: Any) -> None:
            times.append(clock())

        def update(self, _by: int) -> None:
            times.append(clock())

    def counted(*args: Any, **kwargs: Any) -> Any:
        """The last step's tensors, weights left out."""
        if not on_cpu() or len(times) < 2:
            return inside(*args, **kwargs)
        with saved.counted() as found:
            found._seen |= saved.Saved(args[1].inner_model.parameters())._seen
            result = inside(*args, **kwargs)
        kept.bytes = found.bytes
        return result

    values = (
        VALUES | {"batch_size": count, "steps": 1 + steps, "training_dtype": "fp32" if on_cpu() else "bf16"} | options
    )
    positive = [[text.cond, dict(text.extras)] for text in texts]
    devices.unload_models()
    model = drawn.load(name, inference=False)
    model.cached_patcher_init = (
        lambda **_: model,
        (),
    )  # it would read a second model from a file that there is none of
    fresh()
    with _seen(node, Bar, counted), torch.inference_mode():
        node.TrainLoraNode.execute(
            [model], [{"samples": latents}], [positive], **{key: [value] for key, value in values.items()}
        )
    steps_seen = [b - a for a, b in itertools.pairwise(times[1:])]
    return statistics.median(steps_seen), kept.bytes if on_cpu() else torch.cuda.max_memory_allocated()


@contextlib.contextmanager
def _seen(node: Any, bar: type, counted: Any) -> Iterator[None]:
    with (
        mock.patch.object(node, "ProgressBar", bar),
        mock.patch.object(node.TrainSampler, "fwd_bwd", counted),
    ):
        yield
