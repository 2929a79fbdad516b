"""All settings, each defined once: name, default, bounds, tooltip and option of sd-scripts.

A group of settings is a pydantic model and belongs to one node. Node inputs, validation, metadata and the ids of runs are made
from these models.
"""

from . import identity
from .base import SettingInfo, Settings, info, parse
from .blocks import BlockSettings
from .buckets import BucketSettings
from .caching import CacheSettings
from .caption_edit import CaptionEditSettings
from .compare import CompareSettings, CurvesSettings, EpochsSettings, GridSettings
from .conditioning import ConditioningSettings
from .dataset import DatasetSettings
from .doctor import DoctorSettings
from .edit import EditSettings, ExtractSettings
from .job import JOB_GROUPS, METADATA_SETTINGS, NOT_IN_IDENTITY, Job
from .likeness import LikenessSettings
from .loss import LossSettings
from .merge_tags import MergeTagsSettings
from .network import NetworkSettings
from .noise import NoiseSettings
from .optimizer import OptimizerSettings
from .rebalance import RebalanceSettings
from .sampling import SamplingSettings
from .sweep import SweepSettings
from .training import TrainingSettings
from .validation import ValidationSettings

__all__ = [
    "JOB_GROUPS",
    "METADATA_SETTINGS",
    "NOT_IN_IDENTITY",
    "BlockSettings",
    "BucketSettings",
    "CacheSettings",
    "CaptionEditSettings",
    "CompareSettings",
    "ConditioningSettings",
    "CurvesSettings",
    "DatasetSettings",
    "DoctorSettings",
    "EditSettings",
    "EpochsSettings",
    "ExtractSettings",
    "GridSettings",
    "Job",
    "LikenessSettings",
    "LossSettings",
    "MergeTagsSettings",
    "NetworkSettings",
    "NoiseSettings",
    "OptimizerSettings",
    "RebalanceSettings",
    "SamplingSettings",
    "SettingInfo",
    "Settings",
    "SweepSettings",
    "TrainingSettings",
    "ValidationSettings",
    "identity",
    "info",
    "parse",
]
