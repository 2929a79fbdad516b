"""The job: everything a run depends on."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .base import Settings
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

NOT_IN_IDENTITY: dict[str, frozenset[str]] = {
    "datasets": frozenset({"folder", "mask_folder"}),
    "training": frozenset(
        {
            "overwrite",
            "retrain",
            "save_state_on_train_end",
            "log_with",
            "blocks_to_swap",
            "gradient_checkpointing",
            "deterministic",
        }
    ),
    "cache": frozenset({"cache_to_disk", "cache_limit_gb"}),
    "validation": frozenset({"probe_samples", "validate_every_n_steps"}),
}
"""Settings that do not make a run another one, by group; none of those of `sampling` does."""


class Job(Settings):
    """Settings + dataset fingerprint + base-model fingerprint. A run is a pure function of it."""

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

        Folders are left out: their content is in the fingerprint. So is where encodings and weights are kept, and what is
        looked at on the way.
        """
        return self._digest(set())

    @property
    def lineage_id(self) -> str:
        """The same for jobs that differ in nothing but how long they train."""
        return self._digest({"epochs", "max_train_steps"})

    def _digest(self, training: set[str]) -> str:
        exclude: dict[str, Any] = {group: set(names) for group, names in NOT_IN_IDENTITY.items()}
        exclude["training"] |= training
        exclude |= {"datasets": {"__all__": exclude["datasets"]}, "sampling": True}
        values = self.model_dump(exclude=exclude)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
