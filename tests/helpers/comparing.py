"""Comparisons on a real ComfyUI: their graphs, their pictures, and the same pictures by the plain graph."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import graphs
import numpy as np


def axis(kind: str, values: str, **more: Any) -> dict[str, Any]:
    """A node XYZ Axis."""
    return graphs.node("AthanorXYZAxis", type=kind, values=values, **more)


def widget_axis(widget: str, values: str) -> dict[str, Any]:
    """A node XYZ Axis of a widget of the graph."""
    return axis("widget of the graph", values, widget=widget)


def comparison(family: str = "sd3", kind: str = "AthanorXYZCompare", **values: Any) -> dict[str, Any]:
    """XYZ Compare on a checkpoint, as node "compare"; axes are given by name: x=axis(...)."""
    nodes = {"ckpt": graphs.node("CheckpointLoaderSimple", ckpt_name=f"{family}.safetensors")}
    given = {"width": 64, "height": 64, "steps": 2, "cfg": 3.0, "prompts": "red circle", "strengths": "1"}
    for name in "xyzw":
        if name in values:
            nodes[name] = values.pop(name)
            values[name] = [name, 0]
    ports = {"model": ["ckpt", 0], "clip": ["ckpt", 1], "vae": ["ckpt", 2]}
    return nodes | {"compare": graphs.node(kind, **ports, **(given | values))}


def lora_before(prompt: dict[str, Any]) -> dict[str, Any]:
    """The comparison with a LoRA of the graph, "stack", below its own."""
    loader = {"lora_name": "compared/sd3_te.safetensors", "strength_model": 0.5, "strength_clip": 0.5}
    stack = graphs.node("LoraLoader", model=["ckpt", 0], clip=["ckpt", 1], **loader)
    inputs = prompt["compare"]["inputs"] | {"model": ["stack", 0], "clip": ["stack", 1]}
    return prompt | {"stack": stack, "compare": prompt["compare"] | {"inputs": inputs}}


def noise_before(prompt: dict[str, Any], width: int = 64, height: int = 32) -> dict[str, Any]:
    """The comparison over a latent of the graph: nodes "start" (its size), "text" and "noise"."""
    sampler = {"seed": 3, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    ports = {"model": ["ckpt", 0], "positive": ["text", 0], "negative": ["text", 0], "latent_image": ["start", 0]}
    inputs = prompt["compare"]["inputs"] | {"latent": ["noise", 0]}
    return prompt | {
        "start": graphs.node("EmptyLatentImage", width=width, height=height, batch_size=1),
        "text": graphs.node("CLIPTextEncode", clip=["ckpt", 1], text="a green cross"),
        "noise": graphs.node("KSampler", **ports, **sampler),
        "compare": prompt["compare"] | {"inputs": inputs},
    }


def outputs(entry: Mapping[str, Any], key: str = "compare") -> dict[str, Any]:
    """What a comparison has shown; with axes of widgets it stands under the node that it grows."""
    return next(shown for node, shown in entry["outputs"].items() if node == key or node.startswith(f"{key}."))


def text_of(entry: Mapping[str, Any]) -> str:
    """The text of a comparison or of its plan."""
    return outputs(entry)["text"][0]


def cells_of(server: Any, entry: Mapping[str, Any], key: str = "compare") -> list[dict[str, Any]]:
    """The pictures of a comparison, see `graphs.cells`."""
    return graphs.cells(server.base / "output" / outputs(entry, key)["images"][0]["subfolder"])


def plain_pictures(server: Any, cells: Iterable[Mapping[str, Any]]) -> list[np.ndarray]:
    """The pixels of the cells' own graphs, all in one prompt; nodes that are the same in several stand there once."""
    whole: dict[str, Any] = {}
    names: dict[str, str] = {}

    def place(graph: Mapping[str, Any], key: str) -> str:
        inputs = {
            name: [place(graph, value[0]), value[1]] if isinstance(value, list) else value
            for name, value in graph[key]["inputs"].items()
        }
        kind = graph[key]["class_type"]
        same = json.dumps([kind, inputs], sort_keys=True)
        if same not in names:
            names[same] = str(len(whole) + 1)
            whole[names[same]] = {"class_type": kind, "inputs": inputs}
        return names[same]

    saves = [
        place(cell["graph"], next(k for k, node in cell["graph"].items() if node["class_type"] == "SaveImage"))
        for cell in cells
    ]
    entry = server.run(whole)
    return [graphs.saved(server, entry, key) for key in saves]


def assert_plain(server: Any, cells: Iterable[Mapping[str, Any]]) -> None:
    """Each of these cells is what its own graph draws, bit for bit."""
    cells = list(cells)
    for cell, plain in zip(cells, plain_pictures(server, cells), strict=True):
        assert np.array_equal(cell["pixels"], plain), cell["at"]
