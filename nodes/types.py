"""Socket types of Athanor's nodes. Their values are small: settings and names, never weights."""

from __future__ import annotations

from comfy_api.latest import io

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
