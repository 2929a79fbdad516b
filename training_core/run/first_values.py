"""The LoRA whose weights a new network begins with (network_weights)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..families import Family
from ..host import diffusers, folders
from ..network import weights
from ..settings import Job


@dataclass(frozen=True, slots=True)
class FirstValues:
    """Loads the LoRA that network_weights names into a new network; without one it does nothing."""

    load: Callable[[Any], None]
    warnings: list[str]


def first_values_of(job: Job, model: Any, family: Family) -> FirstValues:
    """Return what loads the LoRA of network_weights into a new network.

    Raises:
        AthanorError: there is no such LoRA.
    """
    name = job.network.network_weights.strip()
    if not name:
        return FirstValues(lambda network: None, [])
    tensors, metadata = weights.load(folders.existing_lora(name, "network_weights"))
    named = diffusers.modules(model, family)
    return FirstValues(
        lambda network: weights.load_into(network, job.network, tensors, metadata, network.renames(), named),
        weights.left_out(tensors, job.network),
    )
