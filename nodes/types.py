"""Socket types of Athanor's nodes. Their values are small: settings and names, never weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from comfy_api.latest import io

from ..training_core.settings import SamplingSettings, ValidationSettings

if TYPE_CHECKING:
    from ..training_core.data.plan import Buckets as PlannedBuckets
    from ..training_core.score.scorer import Scorer as PictureScorer

Dataset = io.Custom("ATHANOR_DATASET")
Buckets = io.Custom("ATHANOR_BUCKETS")
Network = io.Custom("ATHANOR_NETWORK")
Blocks = io.Custom("ATHANOR_BLOCKS")
Loss = io.Custom("ATHANOR_LOSS")
Noise = io.Custom("ATHANOR_NOISE")
Optimizer = io.Custom("ATHANOR_OPTIMIZER")
Cache = io.Custom("ATHANOR_CACHE")
Conditioning = io.Custom("ATHANOR_CONDITIONING")
Validation = io.Custom("ATHANOR_VALIDATION")
Run = io.Custom("ATHANOR_RUN")
Runs = io.Custom("ATHANOR_RUNS")
Samples = io.Custom("ATHANOR_SAMPLES")
Axis = io.Custom("ATHANOR_AXIS")
Comparison = io.Custom("ATHANOR_COMPARISON")
Scorer = io.Custom("ATHANOR_SCORER")


class SampleInputs(NamedTuple):
    """What Sample Config gives to Train LoRA; unconnected, no samples are drawn."""

    settings: SamplingSettings | None = None
    model: Any = None  # MODEL that draws; None: the one that is trained
    scorer: PictureScorer | None = None  # of Likeness; None: samples are not scored


class ProbeInputs(NamedTuple):
    """What Validation Config gives to Train LoRA and Likeness."""

    settings: ValidationSettings = ValidationSettings()
    buckets: PlannedBuckets | None = None  # pictures for the probe alone; None: some of those that are trained
