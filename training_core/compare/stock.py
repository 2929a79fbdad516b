"""The plain graph of one cell, in the form of ComfyUI's API: what a user would build by hand (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .cells import Cell
from .upstream import Graph, typed, upstream

Link = list[Any]


def stock_graph(
    cell: Cell,
    graph: Mapping[str, Any],
    links: Mapping[str, Link],
    shift: tuple[str, dict[str, Any]] | None = None,
    own_vae: bool = True,
    kinds: Mapping[str, str] = MappingProxyType({}),
) -> Graph | None:
    """Load Checkpoint, Load LoRA, prompts, KSampler, VAE Decode, Save Image.

    Args:
        graph: the graph that the comparison stands in.
        links: its 'model', 'clip', 'vae' and perhaps 'latent' inputs; 'input:...' for models of an axis.
        shift: the host's node for the cell's shift, and its widgets.
        own_vae: whether a checkpoint file brings its own VAE.
        kinds: LoRA names that are whole models -> the folder they lie in.

    Returns:
        None if the graph does not tell where the models come from.
    """
    graph = typed(graph, (*cell.widgets, *cell.start))
    ports = {name: links[name] for name in ("model", "clip", "vae") if name in links}
    nodes: Graph = {}

    def add(kind: str, **inputs: Any) -> str:
        name = f"cell_{len(nodes) + 1}"
        nodes[name] = {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}
        return name

    if cell.model.startswith("input:"):
        ports |= {name: links[f"{cell.model}:{name}"] for name in ports if f"{cell.model}:{name}" in links}
        if f"{cell.model}:model" not in links:
            return None
    elif cell.model:
        loader = add("CheckpointLoaderSimple", ckpt_name=cell.model)
        ports |= {"model": [loader, 0], "clip": [loader, 1]} | ({"vae": [loader, 2]} if own_vae else {})
    if cell.vae:
        ports["vae"] = [add("VAELoader", vae_name=cell.vae), 0]
    if len(ports) < 3:
        return None
    before = upstream(graph, [*ports.values(), *([links["latent"]] if "latent" in links else [])])
    for lora in cell.loras:
        kind = kinds.get(lora.name, "loras")
        if kind != "loras":  # a fine-tune: that model, or one between it and the base
            whole = add("CheckpointLoaderSimple", ckpt_name=lora.name) if kind == "checkpoints" else None
            whole = whole or add("UNETLoader", unet_name=lora.name, weight_dtype="default")
            if lora.strength_model == 1:
                ports["model"] = [whole, 0]
            elif lora.strength_model:
                between = {"model1": [whole, 0], "model2": ports["model"], "ratio": lora.strength_model}
                ports["model"] = [add("ModelMergeSimple", **between), 0]
            continue
        loader = add(
            "LoraLoader",
            model=ports["model"],
            clip=ports["clip"],
            lora_name=lora.name,
            strength_model=lora.strength_model,
            strength_clip=lora.strength_clip,
        )
        ports |= {"model": [loader, 0], "clip": [loader, 1]}
    if cell.clip_skip:
        ports["clip"] = [add("CLIPSetLastLayer", clip=ports["clip"], stop_at_clip_layer=cell.clip_skip), 0]
    if shift is not None:
        ports["model"] = [add(shift[0], model=ports["model"], **shift[1]), 0]
    positive: Link = [add("CLIPTextEncode", clip=ports["clip"], text=cell.positive), 0]
    negative: Link = [add("CLIPTextEncode", clip=ports["clip"], text=cell.negative), 0]
    if cell.guidance is not None:
        positive = [add("FluxGuidance", conditioning=positive, guidance=cell.guidance), 0]
    latent = links.get("latent") or [
        add("EmptyLatentImage", width=cell.width, height=cell.height, batch_size=1),
        0,
    ]
    sampled = add(
        "KSampler",
        model=ports["model"],
        positive=positive,
        negative=negative,
        latent_image=latent,
        seed=cell.seed,
        steps=cell.steps,
        cfg=cell.cfg,
        sampler_name=cell.sampler,
        scheduler=cell.scheduler,
        denoise=cell.denoise,
    )
    decoded = add("VAEDecode", samples=[sampled, 0], vae=ports["vae"])
    add("SaveImage", images=[decoded, 0], filename_prefix="athanor/cell")
    return before | nodes
