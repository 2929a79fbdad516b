"""Which dataset a node of an open graph has, told without running the graph."""

from __future__ import annotations

from typing import Any

from ..training_core.data import rebalance
from ..training_core.data.caption_edit import edit_dataset
from ..training_core.data.dataset import Dataset
from ..training_core.data.plan import Buckets, sort_into_buckets
from ..training_core.data.view import DatasetView, doctor_settings
from ..training_core.errors import AthanorError
from ..training_core.settings import (
    BucketSettings,
    CaptionEditSettings,
    DatasetSettings,
    DoctorSettings,
    RebalanceSettings,
)
from .dataset import AthanorDatasetLoader
from .graph_datasets import Prompt, digest, inputs_of, kind_of, link_of, made
from .schema import pick


def view(prompt: Prompt, node: str) -> DatasetView:
    """What the page of a Dataset Loader, Bucketer or Dataset Doctor shows.

    Raises:
        AthanorError: the dataset cannot be read, or only a run of the graph can tell it.
    """
    if node not in prompt:
        raise AthanorError("The node is not in the graph; it may be muted or bypassed.")
    digest(prompt, node)  # refuses circles
    kind = kind_of(prompt, node)
    found = _found(prompt, node)
    dataset, buckets = (found.dataset, found) if isinstance(found, Buckets) else (found, None)
    doctor = DoctorSettings()
    if kind == "AthanorDatasetDoctor":
        doctor = pick(DoctorSettings, _values(prompt, node, DoctorSettings))
    elif buckets:
        doctor = doctor_settings(buckets.settings)
    folders = dict.fromkeys(subset.folder for subset in dataset.subsets if subset.folder)
    return DatasetView(title=", ".join(folders) or "Dataset", dataset=dataset, buckets=buckets, doctor=doctor)


def _found(prompt: Prompt, node: str) -> Dataset | Buckets:
    """What a node passes on."""
    match kind_of(prompt, node):
        case "AthanorDatasetLoader":
            before = link_of(prompt, inputs_of(prompt, node).get("dataset"))
            joined = _found(prompt, before[0]) if before else None
            values = _values(prompt, node, DatasetSettings)
            return AthanorDatasetLoader.execute(dataset=joined, **values).args[0]
        case "AthanorBucketer":
            return sort_into_buckets(_above(prompt, node), pick(BucketSettings, _values(prompt, node, BucketSettings)))
        case "AthanorDatasetDoctor":
            return _above(prompt, node)
        case "AthanorCaptionEdit":  # never writes
            return edit_dataset(
                _above(prompt, node), pick(CaptionEditSettings, _values(prompt, node, CaptionEditSettings))
            ).dataset
        case "AthanorBalanceRepeats":
            values = _values(prompt, node, RebalanceSettings)
            return rebalance.rebalance(_above(prompt, node), pick(RebalanceSettings, values))[0]
        case kind:
            dataset = made.get(prompt, node)
            if dataset is None:
                raise AthanorError(
                    f"{kind} makes its dataset while the graph runs: queue the graph once, then look again."
                )
            return dataset


def _above(prompt: Prompt, node: str) -> Dataset:
    link = link_of(prompt, inputs_of(prompt, node).get("dataset"))
    if link is None:
        raise AthanorError("Its input dataset is not connected: connect a Dataset Loader.")
    found = _found(prompt, link[0])
    return found.dataset if isinstance(found, Buckets) else found


def _values(prompt: Prompt, node: str, settings: type) -> dict[str, Any]:
    """A node's widgets; of a linked one, the value of the primitive node that feeds it.

    Raises:
        AthanorError: only a run of the graph can tell it.
    """
    found = {}
    for name, value in inputs_of(prompt, node).items():
        if name not in settings.model_fields:
            continue
        if link := link_of(prompt, value):
            if not kind_of(prompt, link[0]).startswith("Primitive") or "value" not in inputs_of(prompt, link[0]):
                raise AthanorError(
                    f"{name} is linked: its value is known when the graph runs, so type it in to look here."
                )
            value = inputs_of(prompt, link[0])["value"]
        found[name] = value
    return found
