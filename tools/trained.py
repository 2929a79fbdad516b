"""Nodes that go together, for the example workflows."""

from __future__ import annotations

from typing import Any

from sheet import Node, Port, Sheet

PICTURE = (0, 300)


class Trained:
    """The nodes of one Train LoRA, added one after the other."""

    def __init__(self, sheet: Sheet, model: Port, clip: Port, vae: Port) -> None:
        self._sheet, self._ports = sheet, {"model": model, "clip": clip, "vae": vae}

    def data(self, folder: str, size: int, buckets: dict[str, Any], **loader: Any) -> None:
        """Dataset Loader and Bucketer."""
        dataset = self._sheet.add("AthanorDatasetLoader", folder=folder, **loader)
        self.buckets(dataset["dataset"], size, **buckets)

    def buckets(self, dataset: Port, size: int, **more: Any) -> Node:
        """A Bucketer, of `size` pixels square."""
        node = self._sheet.add("AthanorBucketer", dataset=dataset, width=size, height=size, **more)
        self._ports["buckets"] = node["buckets"]
        return node

    def config(self, name: str, title: str = "", /, **values: Any) -> Node:
        """Network, Loss, Noise, Optimizer, Cache, Sample Config."""
        shown = {"samples": "Sample"}.get(name, name.capitalize())
        node = self._sheet.add(f"Athanor{shown}Config", title, **values)
        self._ports[name] = node[name]
        return node

    def train(self, name: str, title: str = "", /, **values: Any) -> Node:
        """Train LoRA with all that was added."""
        ports = dict(self._ports)
        return self._sheet.add("AthanorTrainLoRA", title, output_name=name, **ports, **values)


def checkpoint(sheet: Sheet, name: Any, title: str = "") -> Node:
    """Add the node Load Checkpoint."""
    return sheet.add("CheckpointLoaderSimple", title, ckpt_name=name)


def models(node: Node) -> dict[str, Port]:
    """Model, text encoder and VAE of a checkpoint, for XYZ Compare."""
    return {"model": node["MODEL"], "clip": node["CLIP"], "vae": node["VAE"]}


def show(sheet: Sheet, port: Port, title: str, size: tuple[int, int] = PICTURE) -> None:
    """A picture of the graph."""
    sheet.add("PreviewImage", title, size, images=port)


def tell(sheet: Sheet, port: Port, title: str, size: tuple[int, int] = (0, 200)) -> None:
    """A text of the graph."""
    sheet.add("PreviewAny", title, size, source=port)


def compare(sheet: Sheet, title: str = "", /, **inputs: Any) -> Node:
    """XYZ Compare, with room for its grid below."""
    return sheet.add("AthanorXYZCompare", title, (0, 740), **inputs)
