"""Finds the dataset that a node of an open graph gives, without running the graph."""

from __future__ import annotations

from typing import Any

from ..training_core.data import rebalance
from ..training_core.data.caption_edit import edit_dataset
from ..training_core.data.dataset import Dataset
from ..training_core.data.plan import Buckets, sort_into_buckets
from ..training_core.data.view import DatasetView, doctor_settings
from ..training_core.errors import AthanorError, shortened
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
    """Return what *Open dataset* shows for a Dataset Loader, Bucketer or Dataset Doctor of the graph.

    Raises:
        AthanorError: the dataset cannot be read, or is only known once the graph has run.
    """
    if node not in prompt:
        raise AthanorError("The node is not in the graph; it may be muted or bypassed.")
    digest(prompt, node)  # raises for a graph with a loop, on which _output would not end
    kind = kind_of(prompt, node)
    output = _output(prompt, node)
    dataset, buckets = (output.dataset, output) if isinstance(output, Buckets) else (output, None)
    doctor = DoctorSettings()
    if kind == "AthanorDatasetDoctor":
        doctor = pick(DoctorSettings, _values(prompt, node, DoctorSettings))
    elif buckets:
        doctor = doctor_settings(buckets.settings)
    folders = dict.fromkeys(subset.folder for subset in dataset.subsets if subset.folder)
    return DatasetView(title=", ".join(folders) or "Dataset", dataset=dataset, buckets=buckets, doctor=doctor)


_TAKES_A_DATASET = (
    "AthanorDatasetLoader",
    "AthanorBucketer",
    "AthanorDatasetDoctor",
    "AthanorCaptionEdit",
    "AthanorBalanceRepeats",
    "AthanorSaveCaptions",  # what it writes, the loader reads
)


def _output(prompt: Prompt, node: str) -> Dataset | Buckets:
    """Return the dataset or the buckets that a node passes on: made from the first node above it on, one by one."""
    chain, output = [node], None
    while kind_of(prompt, chain[-1]) in _TAKES_A_DATASET:
        link = link_of(prompt, inputs_of(prompt, chain[-1]).get("dataset"))
        if link is None:
            break
        chain.append(link[0])
    for name in reversed(chain):
        output = _made(prompt, name, output.dataset if isinstance(output, Buckets) else output)
    assert output is not None, "the chain has one node at least"
    return output


def _made(prompt: Prompt, node: str, above: Dataset | None) -> Dataset | Buckets:
    """Return what a node makes of the dataset that it takes from the node above it.

    Raises:
        AthanorError: it needs one and there is none, or it is of a kind that makes its own while the graph runs.
    """
    kind = kind_of(prompt, node)
    if kind == "AthanorDatasetLoader":
        values = _values(prompt, node, DatasetSettings)
        return AthanorDatasetLoader.execute(dataset=above, **values).args[0]
    if kind not in _TAKES_A_DATASET:
        dataset = made.get(prompt, node)
        if dataset is None:
            raise AthanorError(
                f"{shortened(kind)} makes its dataset while the graph runs: queue the graph once, then open it again."
            )
        return dataset
    if above is None:
        raise AthanorError("Its input dataset is not connected: connect a Dataset Loader.")
    if kind == "AthanorBucketer":
        return sort_into_buckets(above, pick(BucketSettings, _values(prompt, node, BucketSettings)))
    if kind == "AthanorCaptionEdit":  # caption files are not written, whatever write_files says
        return edit_dataset(above, pick(CaptionEditSettings, _values(prompt, node, CaptionEditSettings))).dataset
    if kind == "AthanorBalanceRepeats":
        return rebalance.rebalance(above, pick(RebalanceSettings, _values(prompt, node, RebalanceSettings)))[0]
    return above


def _values(prompt: Prompt, node: str, settings: type) -> dict[str, Any]:
    """Return a node's widgets by name; a linked one has the value of the primitive node that feeds it.

    Raises:
        AthanorError: a widget is linked to another kind of node, whose value is only known once the graph runs.
    """
    widgets = {}
    for name, value in inputs_of(prompt, node).items():
        if name not in settings.model_fields:
            continue
        if link := link_of(prompt, value):
            if not kind_of(prompt, link[0]).startswith("Primitive") or "value" not in inputs_of(prompt, link[0]):
                raise AthanorError(
                    f"{name} is linked to another node, so its value is only known when the graph runs: type a value in."
                )
            value = inputs_of(prompt, link[0])["value"]
        widgets[name] = value
    return widgets
