"""A graph as JSON that can be posted to ComfyUI's /prompt as it is, with a list of the places that one would change (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...settings import DatasetSettings, Settings, TrainingSettings
from ...shared_graph import TRAIN_LORA, is_link, upstream
from ..from_prompt import LOADER, PORTS
from ..recipe import GROUPS, Recipe
from .written import File, Written

_SETTINGS: tuple[tuple[str, type[Settings], str, str], ...] = (
    (TRAIN_LORA, TrainingSettings, "output_name", "name of the LoRA file"),
    (TRAIN_LORA, TrainingSettings, "epochs", "how often the whole dataset is trained"),
    (TRAIN_LORA, TrainingSettings, "max_train_steps", "train so many steps instead of epochs; 0: epochs"),
    (TRAIN_LORA, TrainingSettings, "seed", "seed of everything random"),
    (LOADER, DatasetSettings, "folder", "folder with pictures in ComfyUI's input or datasets folder"),
    (LOADER, DatasetSettings, "repeats", "times that each picture is seen in an epoch"),
    (PORTS["buckets"], GROUPS["buckets"], "width", "width in pixels"),
    (PORTS["buckets"], GROUPS["buckets"], "height", "height in pixels"),
    (PORTS["buckets"], GROUPS["buckets"], "batch_size", "pictures of a step"),
    (PORTS["network"], GROUPS["network"], "algo", "type of network"),
    (PORTS["network"], GROUPS["network"], "rank", "size of the network"),
    (PORTS["network"], GROUPS["network"], "alpha", "its update is scaled by alpha / rank"),
    (PORTS["optimizer"], GROUPS["optimizer"], "optimizer_type", "optimizer"),
    (PORTS["optimizer"], GROUPS["optimizer"], "learning_rate", "learning rate"),
    (PORTS["optimizer"], GROUPS["optimizer"], "lr_scheduler", "how the learning rate goes on"),
    (PORTS["samples"], GROUPS["sampling"], "sample_prompts", "prompts of the pictures that are drawn while training"),
)
"""(node type, its settings, input, what it is) of the settings that scripts change most."""
_FILES = {
    "ckpt_name": ("checkpoint", "file in models/checkpoints"),
    "unet_name": ("diffusion_model", "file in models/diffusion_models"),
    "vae_name": ("vae", "file in models/vae"),
    "clip_name": ("text_encoder", "file in models/text_encoders"),
    "clip_name1": ("text_encoder_1", "file in models/text_encoders"),
    "clip_name2": ("text_encoder_2", "file in models/text_encoders"),
    "clip_name3": ("text_encoder_3", "file in models/text_encoders"),
    "clip_name4": ("text_encoder_4", "file in models/text_encoders"),
    "lora_name": ("lora", "file in models/loras that is loaded in front of the model"),
}
"""Input of a loader -> the variable's name, and what it is."""


def write(recipe: Recipe, prompt: Mapping[str, Any], node: str) -> Written:
    """Return the JSON: `prompt`, `variables`, and the `node` that trains.

    Args:
        recipe: that the graph gives.
        prompt: the graph in API form; what does not lead to `node` is left out.
    """
    kept = upstream(prompt, [node])
    graph = {key: {**prompt[key], "inputs": dict(prompt[key]["inputs"])} for key in prompt if key in kept}
    body = {
        "prompt": graph,
        "variables": dict(_variables(graph)),
        "node": node,
        **({"family": recipe.model.family} if recipe.model.family else {}),
    }
    return Written(files=(File(name="workflow_api.json", text=f"{json.dumps(body, indent=2)}\n"),))


def _variables(graph: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, where it stands and what it is) of each part that one would change; a name that comes again is numbered.

    An input that is not in the graph is put there with its default, so that the place is to be seen.
    """
    names: set[str] = set()
    for key, name, about in _places(graph):
        node, place = _place(graph, key, name)
        if (value := graph[node]["inputs"].get(place)) is None or is_link(value):
            continue
        called = name if name not in _FILES else _FILES[name][0]
        free = next(
            each for each in (called, *(f"{called}_{n}" for n in range(2, len(graph) + 3))) if each not in names
        )
        names.add(free)
        yield free, {"node": node, "input": place, "value": value, "about": about}


def _places(graph: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (node, input, what it is): files of models first."""
    for key, node in graph.items():
        yield from ((key, name, about) for name, (_, about) in _FILES.items() if name in node["inputs"])
    for kind, settings, name, about in _SETTINGS:
        for key, node in graph.items():
            if node["class_type"] == kind:
                node["inputs"].setdefault(name, settings.model_fields[name].default)
                yield key, name, about


def _place(graph: Mapping[str, Any], key: str, name: str) -> tuple[str, str]:
    """Return where an input's value stands: in the node itself, or in the primitive that it is linked to."""
    for _ in range(len(graph)):
        value = graph[key]["inputs"].get(name)
        if not is_link(value) or value[0] not in graph or not graph[value[0]]["class_type"].startswith("Primitive"):
            break
        key, name = value[0], "value"
    return key, name
