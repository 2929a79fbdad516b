"""Settings that the model or the network cannot have together, each as one sentence."""

from __future__ import annotations

from typing import Any

from ..errors import AthanorError
from ..host.precision import COMPUTE, compute_dtype
from ..network import lycoris
from ..settings import Job, TrainingSettings


def check_precision(training: TrainingSettings, model: Any) -> None:
    """Check that weights in a 16-bit type are computed with in the same.

    Raises:
        AthanorError: they are not.
    """
    computed = compute_dtype(model, training.arithmetic)
    if training.full_precision != "no" and COMPUTE[training.full_precision] != computed:
        raise AthanorError(
            f"full_precision is {training.full_precision}, but the model computes in {str(computed).removeprefix('torch.')}: set "
            f"mixed_precision to {training.full_precision} as well, or full_precision to no."
        )


def check_swap(job: Job) -> None:
    """Check that layers whose weights lie in main memory use them as they are.

    Raises:
        AthanorError: the network is of a kind that computes with the whole weight.
    """
    if job.training.blocks_to_swap and not lycoris.needs_no_weights(job.network):
        name = "dora" if job.network.dora else f"algo {job.network.algo}"
        raise AthanorError(
            f"blocks_to_swap does not work with {name}, which needs all weights of the model: set it to 0, or choose lora, locon, "
            "loha or lokr."
        )
