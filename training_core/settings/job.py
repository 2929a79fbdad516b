"""The job: everything a run depends on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from . import identity
from .base import Settings
from .blocks import BlockSettings
from .buckets import BucketSettings
from .caching import CacheSettings
from .conditioning import ConditioningSettings
from .dataset import DatasetSettings
from .loss import LossSettings
from .network import NetworkSettings
from .noise import NoiseSettings
from .optimizer import OptimizerSettings
from .sampling import SamplingSettings
from .training import TrainingSettings
from .validation import ValidationSettings

METADATA_SETTINGS = (
    "metadata",
    "training_comment",
    *(
        f"metadata_{name}"
        for name in ("title", "author", "description", "license", "tags", "trigger_phrase", "usage_hint")
    ),
)
"""Settings of training that say what files tell; a finished run's files are written again with them, without training."""

JOB_GROUPS: dict[str, type[Settings]] = {
    "network": NetworkSettings,
    "network.blocks": BlockSettings,
    "loss": LossSettings,
    "noise": NoiseSettings,
    "optimizer": OptimizerSettings,
    "buckets": BucketSettings,
    "training": TrainingSettings,
    "datasets": DatasetSettings,
    "conditioning": ConditioningSettings,
    "validation": ValidationSettings,
    "cache": CacheSettings,
    "sampling": SamplingSettings,
}
"""Path in a job -> its group of settings: those of the blocks are a part of the network, and there are several datasets."""

NOT_IN_IDENTITY: dict[str, frozenset[str]] = {
    "": frozenset({"sampling"}),
    "datasets": frozenset({"folder", "mask_folder", "control_folder"}),
    "training": frozenset(
        {
            "overwrite",
            "retrain",
            "save_state_on_train_end",
            "log_with",
            "blocks_to_swap",
            "gradient_checkpointing",
            "deterministic",
            "train_unknown_model",
            *METADATA_SETTINGS,
        }
    ),
    "cache": frozenset({"cache_to_disk", "cache_limit_gb"}),
    "validation": frozenset({"probe_samples", "validate_every_n_steps"}),
}
"""Settings that do not make a run another one, by their group in the job; "" is the job itself. What is trained is the same
with any value of them: they say where things are kept, what is shown on the way, how a step's gradients are computed, or
whether a run is refused."""

_LENGTH = {"training": frozenset({"epochs", "max_train_steps"}), "validation": frozenset({"patience"})}
_SAYS_WHEN_TO_END = NOT_IN_IDENTITY["validation"]
"""With patience the probe decides when a run ends: then what is measured, and how often, makes it another run."""


class Job(Settings):
    """All settings of a run with the fingerprints of its dataset and base model; the run's result follows from it."""

    datasets: tuple[DatasetSettings, ...]
    buckets: BucketSettings
    network: NetworkSettings = NetworkSettings()
    loss: LossSettings = LossSettings()
    noise: NoiseSettings = NoiseSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    training: TrainingSettings = TrainingSettings()
    cache: CacheSettings = CacheSettings()
    conditioning: ConditioningSettings = ConditioningSettings()
    validation: ValidationSettings = ValidationSettings()
    sampling: SamplingSettings | None = None  # None: no pictures
    dataset_fingerprint: str
    model_fingerprint: str

    @property
    def run_id(self) -> str:
        """16 hex digits: the same for two jobs exactly if they give the same LoRA under the same name.

        Folders are left out, since dataset_fingerprint stands for their content, and so is all of NOT_IN_IDENTITY. What is at
        its default leaves no trace: the id stays when a later version adds a setting (identity.py).
        """
        return _run_id(self)  # pyright: ignore[reportArgumentType] (frozen, so it has a hash)

    @property
    def lineage_id(self) -> str:
        """16 hex digits: the same for jobs that differ in nothing but how long they train, so that one continues the other."""
        return self.lineage_of(self.model_dump())

    @classmethod
    def lineage_of(cls, values: Mapping[str, Any]) -> str:
        """Return the `lineage_id` that a job.json has in this version, whichever version has written it."""
        return cls._digest(values, _LENGTH)

    @classmethod
    def settings_id(cls, values: Mapping[str, Any]) -> str:
        """Return 16 hex digits of all settings of a job.json, those as well that do not make a run another one."""
        return identity.digest(cls, values, {})

    @classmethod
    def _digest(cls, values: Mapping[str, Any], more: Mapping[str, frozenset[str]]) -> str:
        """Return the identity of values without NOT_IN_IDENTITY and `more`, names by their group in the job."""
        without = {group: names | more.get(group, frozenset()) for group, names in NOT_IN_IDENTITY.items()}
        if not more and values["validation"]["patience"]:
            without["validation"] -= _SAYS_WHEN_TO_END
        return identity.digest(cls, values, without)


@lru_cache(maxsize=64)
def _run_id(job: Job) -> str:
    """Return a job's `run_id`, for which a run asks some fifteen times: each takes 5 ms."""
    return job._digest(job.model_dump(), {})
