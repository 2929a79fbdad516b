"""The plain graph of one cell: what a user would build by hand, as nodes to write down and as nodes to run (pure)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..shared_graph import upstream
from . import lora_steps
from .cells import CONTROL_INPUTS, MODEL_LOW, Cell, Lora
from .control_pictures import Shown, conditioned
from .fields import NodeInput, Patch, defaults, rows
from .upstream import Graph, edited

WITH_BLOCKS = "AthanorLoadLoRABlocks"
"""The one node of a cell's graph that is no stock node: Load LoRA Blocks."""
Link = list[Any]
AddNode = Callable[[str, Mapping[str, Any], Mapping[str, Any]], Any]
"""(type of a node, what comes into it, its widgets) -> its first output: a link, or what the node has computed."""


@dataclass(frozen=True, slots=True)
class PatchNode:
    """A node that a cell's fields put between others: `port` goes in as `input` and comes out changed."""

    port: str
    input: str
    kind: str
    widgets: Mapping[str, Any]


def patch_nodes(cell: Cell, model: Any) -> list[PatchNode]:
    """Return the nodes that fields of the cell add to its graph, in the order of the fields.

    Raises:
        AthanorError: one of them means nothing for this MODEL.
    """
    optional = defaults(type(cell))
    result = []
    for name, row in rows(type(cell)).items():
        if isinstance(row.node, Patch) and getattr(cell, name) != optional[name]:
            kind, widgets = row.node.node(cell, model)
            result.append(PatchNode(row.node.port, row.node.input, kind, widgets))
    return result


def _widgets(cell: Cell, node: str) -> dict[str, Any]:
    """Return the widgets of a node that every graph has, from the fields that belong to it."""
    inputs = {name: row.node for name, row in rows(type(cell)).items() if isinstance(row.node, NodeInput)}
    return {place.name: getattr(cell, name) for name, place in inputs.items() if place.node == node}


def add_nodes(
    cell: Cell,
    ports: Mapping[str, Any],
    between: Sequence[PatchNode],
    add: AddNode,
    *,
    high: int | None = None,
    shown: Shown | None = None,
) -> Any:
    """Add the nodes from the models to the picture, and return the picture. This is the one place that knows them: the
    graph in the picture is written by it, and the picture is drawn by it.

    Args:
        ports: "model", "clip" and "vae" with LoRAs applied, "latent" if one is connected, the low-noise model and the inputs of
            control pictures if there are some.
        between: the nodes of `patch_nodes`.
        high: steps of the first model before the low-noise one takes over; None: it draws all.
        shown: how the cell's control pictures are shown to its model; None: it has none.
    """
    ports = dict(ports)

    def apply(names: Collection[str]) -> None:
        for patch in between:
            if patch.port in names:
                for port in (patch.port, *([MODEL_LOW] if patch.port == "model" and MODEL_LOW in ports else [])):
                    ports[port] = add(patch.kind, {patch.input: ports[port]}, patch.widgets)

    apply(("model", "clip", "vae"))
    if shown is not None:
        texts = cell.positive, cell.negative
        ports["positive"], ports["negative"] = conditioned(shown, ports, texts, add)
    else:
        for prompt in ("positive", "negative"):
            ports[prompt] = add("CLIPTextEncode", {"clip": ports["clip"]}, _widgets(cell, prompt))
    if "latent" not in ports:
        ports["latent"] = add("EmptyLatentImage", {}, _widgets(cell, "latent") | {"batch_size": 1})
    apply(("positive", "negative", "latent"))
    return add("VAEDecode", {"samples": _sampled(cell, ports, add, high), "vae": ports["vae"]}, {})


def _sampled(cell: Cell, ports: Mapping[str, Any], add: AddNode, high: int | None) -> Any:
    """Add KSampler; with a low-noise model two of them, the second going on with the noise that the first has left.

    Args:
        high: as for `add_nodes`.
    """
    inputs = {name: ports[name] for name in ("positive", "negative")} | {"latent_image": ports["latent"]}
    widgets = _widgets(cell, "sampler")
    if high is None or high >= cell.steps:
        return add("KSampler", {"model": ports["model"], **inputs}, widgets)
    if high <= 0:
        return add("KSampler", {"model": ports[MODEL_LOW], **inputs}, widgets)
    seed, denoise = widgets.pop("seed"), widgets.pop("denoise")
    total = int(cell.steps / denoise) if denoise <= 0.9999 else cell.steps  # as KSampler counts them
    widgets |= {"noise_seed": seed, "steps": total}
    begin = total - cell.steps
    first = {"add_noise": "enable", "start_at_step": begin, "end_at_step": begin + high}
    second = {"add_noise": "disable", "start_at_step": begin + high, "end_at_step": 10000}
    for name, part in (
        ("model", first | {"return_with_leftover_noise": "enable"}),
        (MODEL_LOW, second | {"return_with_leftover_noise": "disable"}),
    ):
        inputs["latent_image"] = add("KSamplerAdvanced", {"model": ports[name], **inputs}, widgets | part)
    return inputs["latent_image"]


class _Writer:
    """Collects nodes in the form of ComfyUI's API."""

    def __init__(self) -> None:
        self.nodes: Graph = {}

    def add(self, kind: str, inputs: Mapping[str, Any], widgets: Mapping[str, Any]) -> Link:
        """Write a node, and return the link to its first output; a group of inputs is written one by one, as `images.image_1`."""
        name, single = f"cell_{len(self.nodes) + 1}", dict(inputs)
        for group, links in inputs.items():
            if isinstance(links, Mapping):
                del single[group]
                single |= {f"{group}.{each}": link for each, link in links.items()}
        self.nodes[name] = {"class_type": kind, "inputs": {**single, **widgets}, "_meta": {"title": kind}}
        return [name, 0]


def stock_graph(
    cell: Cell,
    graph: Mapping[str, Any],
    links: Mapping[str, Link],
    *,
    between: Sequence[PatchNode] = (),
    own_vae: bool = True,
    folders: Mapping[str, str] = MappingProxyType({}),
    high: int | None = None,
    shown: Shown | None = None,
    steps_of_text: bool = False,
) -> Graph | None:
    """Load Checkpoint, Load LoRA, prompts, KSampler, VAE Decode, Save Image.

    Args:
        graph: the graph that the comparison stands in.
        links: its 'model', 'clip', 'vae' and perhaps 'latent' inputs; 'input:...' for models of an axis.
        between: the nodes of `patch_nodes`.
        own_vae: whether a checkpoint file brings its own VAE.
        folders: LoRA names that are whole models -> the folder they lie in.
        high, shown: see `add_nodes`.
        steps_of_text: see `lora_steps.hooked`.

    Returns:
        None if the graph does not tell where the models come from.
    """
    graph = edited(graph, (*cell.widgets, *cell.start))
    writer = _Writer()
    ports = _sources(cell, links, own_vae, writer)
    if ports is None:
        return None
    before = upstream(graph, (link[0] for link in ports.values()))
    if cell.hooks:
        ports["clip"] = lora_steps.hooked(cell, ports["clip"], writer.add, text=steps_of_text)
    for lora in () if cell.hooks else cell.loras:
        ports |= _lora(lora, folders.get(lora.name, "loras"), ports, writer)
    for lora in cell.loras_low:
        low = _lora(lora, folders.get(lora.name, "loras"), {"model": ports[MODEL_LOW]}, writer)
        ports[MODEL_LOW] = low.get("model", ports[MODEL_LOW])
    picture = add_nodes(cell, ports, between, writer.add, high=high, shown=shown)
    writer.add("SaveImage", {"images": picture}, {"filename_prefix": "athanor/cell"})
    return before | writer.nodes


def _sources(cell: Cell, links: Mapping[str, Link], own_vae: bool, writer: _Writer) -> dict[str, Link] | None:
    """Return where a cell's model, text encoder, VAE and latent come from; None if one of the first three comes from nowhere."""
    named = ("model", "clip", "vae", "latent", *([MODEL_LOW] if cell.boundary is not None else []), *CONTROL_INPUTS)
    ports = {name: links[name] for name in named if name in links}
    if cell.model.startswith("input:"):
        if f"{cell.model}:model" not in links:
            return None
        ports |= {name: links[f"{cell.model}:{name}"] for name in ports if f"{cell.model}:{name}" in links}
    elif cell.model:
        loader, _ = writer.add("CheckpointLoaderSimple", {}, {"ckpt_name": cell.model})
        ports |= {"model": [loader, 0], "clip": [loader, 1]} | ({"vae": [loader, 2]} if own_vae else {})
    if cell.vae:
        ports["vae"] = writer.add("VAELoader", {}, {"vae_name": cell.vae})
    return ports if {"model", "clip", "vae"} <= ports.keys() else None


def _lora(lora: Lora, folder: str, ports: Mapping[str, Link], writer: _Writer) -> dict[str, Link]:
    """Write a LoRA's loader, with blocks or not, or for a fine-tune its model, or one between that and the base. Returns changed ports."""
    if folder == "loras" and lora.blocks:
        inputs = {name: ports[name] for name in ("model", "clip") if name in ports}
        strengths = {"strength_model": lora.strength_model, "strength_clip": lora.strength_clip}
        loader, _ = writer.add(WITH_BLOCKS, inputs, {"lora_name": lora.name, **strengths, "blocks": lora.blocks})
        return {name: [loader, number] for number, name in enumerate(inputs)}
    if folder == "loras" and "clip" not in ports:
        widgets = {"lora_name": lora.name, "strength_model": lora.strength_model}
        return {"model": writer.add("LoraLoaderModelOnly", {"model": ports["model"]}, widgets)}
    if folder == "loras":
        strengths = {"strength_model": lora.strength_model, "strength_clip": lora.strength_clip}
        inputs = {"model": ports["model"], "clip": ports["clip"]}
        loader, _ = writer.add("LoraLoader", inputs, {"lora_name": lora.name, **strengths})
        return {"model": [loader, 0], "clip": [loader, 1]}
    if folder == "checkpoints":
        tuned = writer.add("CheckpointLoaderSimple", {}, {"ckpt_name": lora.name})
    else:
        tuned = writer.add("UNETLoader", {}, {"unet_name": lora.name, "weight_dtype": "default"})
    if lora.strength_model == 1:
        return {"model": tuned}
    if not lora.strength_model:
        return {}
    both = {"model1": tuned, "model2": ports["model"]}
    return {"model": writer.add("ModelMergeSimple", both, {"ratio": lora.strength_model})}
