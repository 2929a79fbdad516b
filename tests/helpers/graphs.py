"""Graphs in API form, and small helpers to read what a real ComfyUI made of them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pictures
from PIL import Image
from safetensors import safe_open

DEFAULTS: dict[str, dict[str, Any]] = {}
"""Node type -> its widgets' defaults, from the server's /object_info."""


def learn_defaults(object_info: dict[str, Any]) -> None:
    for kind, info in object_info.items():
        if kind.startswith("Athanor"):
            DEFAULTS[kind] = {
                name: spec[1]["default"]
                for group in ("required", "optional")
                for name, spec in info["input"].get(group, {}).items()
                if len(spec) > 1 and "default" in spec[1]
            }


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": {**DEFAULTS.get(kind, {}), **inputs}}


def training(checkpoint: str, folder: str = "ds", **parts: dict[str, Any]) -> dict[str, Any]:
    """Checkpoint -> dataset -> buckets -> configs -> Train LoRA, and its loss curve saved."""
    ports = {"model": ["ckpt", 0], "clip": ["ckpt", 1], "vae": ["ckpt", 2], "buckets": ["buckets", 0]}
    configs = {name: [name, 0] for name in ("network", "loss", "noise", "optimizer")}
    size = {
        "width": 64,
        "height": 64,
        "min_bucket_reso": 32,
        "max_bucket_reso": 128,
        "bucket_reso_steps": 32,
        "batch_size": 2,
    }
    extra = {}
    if "validation" in parts:
        ports["validation"] = ["validation", 0]
        extra["validation"] = node("AthanorValidationConfig", **parts["validation"])
    return {
        "ckpt": node("CheckpointLoaderSimple", ckpt_name=f"{checkpoint}.safetensors"),
        "dataset": node("AthanorDatasetLoader", **({"folder": folder} | parts.get("dataset", {}))),
        "buckets": node("AthanorBucketer", dataset=["dataset", 0], **(size | parts.get("buckets", {}))),
        "network": node("AthanorNetworkConfig", **({"rank": 4, "alpha": 4.0} | parts.get("network", {}))),
        "loss": node("AthanorLossConfig", **parts.get("loss", {})),
        "noise": node("AthanorNoiseConfig", **parts.get("noise", {})),
        "optimizer": node("AthanorOptimizerConfig", **({"learning_rate": 1e-3} | parts.get("optimizer", {}))),
        "train": node("AthanorTrainLoRA", **ports, **configs, **({"epochs": 1} | parts.get("train", {}))),
        "curve": node("PreviewImage", images=["train", 4]),
        **extra,
    }


SMALL_PROBE = {"probe_samples": 1, "validate_every_n_steps": 1000}
"""The probe looks at one picture, before the first step and after the last: for runs whose steps are what matters."""


def compare(source: str, run: list[Any], **values: Any) -> dict[str, Any]:
    """XYZ Compare behind a run."""
    ports = {"run": run, "model": [source, 0], "clip": [source, 1], "vae": [source, 2]}
    return {
        "compare": node("AthanorXYZCompare", **ports, **({"width": 64, "height": 64, "steps": 3, "cfg": 3.0} | values))
    }


def plain(
    source: str, prompt: str, lora: str | None, strength: float = 1.0, seed: int = 0, name: str = "p", **k: Any
) -> dict[str, Any]:
    """The stock graph: Load LoRA, two prompts, KSampler, VAE Decode, Save Image."""
    model, clip, nodes = [source, 0], [source, 1], {}
    if lora:
        nodes[f"{name}lora"] = node(
            "LoraLoader", model=model, clip=clip, lora_name=lora, strength_model=strength, strength_clip=strength
        )
        model, clip = [f"{name}lora", 0], [f"{name}lora", 1]
    nodes[f"{name}pos"] = node("CLIPTextEncode", clip=clip, text=prompt)
    nodes[f"{name}neg"] = node("CLIPTextEncode", clip=clip, text="")
    nodes[f"{name}latent"] = node("EmptyLatentImage", width=64, height=64, batch_size=1)
    nodes[f"{name}sample"] = node(
        "KSampler",
        model=model,
        positive=[f"{name}pos", 0],
        negative=[f"{name}neg", 0],
        latent_image=[f"{name}latent", 0],
        seed=seed,
        **({"steps": 3, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0} | k),
    )
    nodes[f"{name}decode"] = node("VAEDecode", samples=[f"{name}sample", 0], vae=[source, 2])
    nodes[f"{name}save"] = node("SaveImage", images=[f"{name}decode", 0], filename_prefix=f"plain_{name}")
    return nodes


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def saved(host: Any, entry: dict[str, Any], key: str) -> np.ndarray:
    """The first picture that output node `key` saved."""
    image = entry["outputs"][key]["images"][0]
    return pixels(host.base / image["type"] / image["subfolder"] / image["filename"])


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata()


def lora_file(host: Any, name: str) -> Path:
    return host.base / "models" / "loras" / f"{name}.safetensors"


def keys(path: Path) -> list[str]:
    with safe_open(path, "pt") as file:
        return list(file.keys())


def draw_dataset(folder: Path, count: int = 4, size: int = 64) -> None:
    rng = random.Random(0)
    folder.mkdir(parents=True, exist_ok=True)
    for i, scene in enumerate(rng.sample(pictures.world(), count)):
        image = pictures.draw(scene, rng, size)
        if i == count - 1:
            image = image.resize((size * 2, size))  # one of another shape
        image.save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(scene.caption, encoding="utf-8")


def folder(host: Any, entry: dict[str, Any], key: str = "compare") -> Path:
    """Where a comparison lies."""
    return host.base / "output" / entry["outputs"][key]["images"][0]["subfolder"]


def cells(comparison: Path) -> list[dict[str, Any]]:
    """The pictures of a comparison: pixels, where they stand ('at'), their own graph and A1111's parameters."""
    found = []
    for path in sorted((comparison / "cells").glob("*.png")):
        with Image.open(path) as image:
            told = {name: json.loads(image.text[name]) for name in ("xyz", "prompt")}
            words = image.text["parameters"]
        found.append(
            {"path": path, "pixels": pixels(path), "at": told["xyz"], "graph": told["prompt"], "parameters": words}
        )
    return found


def settings_of(graph: dict[str, Any]) -> dict[str, Any]:
    """Prompt, LoRAs and sampler of a cell's own graph."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for node_ in graph.values():
        kinds.setdefault(node_["class_type"], []).append(node_["inputs"])
    sampler = kinds["KSampler"][0]
    return {
        "positive": graph[sampler["positive"][0]]["inputs"]["text"],
        "loras": [(n["lora_name"], n["strength_model"], n["strength_clip"]) for n in kinds.get("LoraLoader", [])],
        **{name: sampler[name] for name in ("seed", "steps", "cfg", "sampler_name", "scheduler", "denoise")},
    }
