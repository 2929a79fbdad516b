"""Every setting, defined once: name, default, bounds, tooltip and sd-scripts flag.

Node inputs, validation and metadata are derived from these models.
"""

from .base import SettingInfo, Settings, info, parse
from .buckets import BucketSettings
from .caching import CacheSettings
from .compare import CompareSettings
from .dataset import DatasetSettings
from .job import Job
from .loss import LossSettings
from .network import NetworkSettings
from .noise import NoiseSettings
from .optimizer import OptimizerSettings
from .training import TrainingSettings

__all__ = [
    "BucketSettings",
    "CacheSettings",
    "CompareSettings",
    "DatasetSettings",
    "Job",
    "LossSettings",
    "NetworkSettings",
    "NoiseSettings",
    "OptimizerSettings",
    "SettingInfo",
    "Settings",
    "TrainingSettings",
    "info",
    "parse",
]
