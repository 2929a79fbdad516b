"""Turn a workflow saved from the page into the form that ComfyUI's API takes."""

from __future__ import annotations

from typing import Any

DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
"""Type of an input whose choice brings further inputs."""


def to_prompt(workflow: dict[str, Any], object_info: dict[str, Any]) -> dict[str, Any]:
    """API form of a UI-format workflow without subgraphs; muted nodes are left out.

    Raises:
        KeyError: a node type that the server does not have.
    """
    sources = {link[0]: [str(link[1]), link[2]] for link in workflow["links"]}
    prompt = {}
    for node in workflow["nodes"]:
        if node.get("mode", 0) != 0 or node["type"] in ("Note", "MarkdownNote"):
            continue
        info = object_info[node["type"]]
        links = {slot["name"]: slot["link"] for slot in node.get("inputs", []) if slot.get("link") is not None}
        values, inputs = list(node.get("widgets_values", [])), {}
        specs = [(n, info["input"][g][n]) for g in ("required", "optional") for n in info["input_order"].get(g, [])]
        while specs:
            name, (kind, *options) = specs.pop(0)
            if is_widget(kind) and values and not (options and options[0].get("forceInput")):
                inputs[name] = _chosen(values.pop(0), kind, options)
                if options and options[0].get("control_after_generate"):
                    values.pop(0)  # the page keeps "fixed" or "randomize" beside a seed
                specs[:0] = brought(name, inputs[name], kind, options)
            if name in links:
                inputs[name] = sources[links[name]]
        prompt[str(node["id"])] = {
            "class_type": node["type"],
            "inputs": inputs,
            "_meta": {"title": node.get("title", info["display_name"])},
        }
    return prompt


def is_widget(kind: Any) -> bool:
    """Whether an input of a type is a field of the node, not a socket."""
    return isinstance(kind, list) or kind in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", DYNAMIC)


def brought(name: str, key: str, kind: Any, options: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Inputs that a choice brings with it, by name; a plain input brings none."""
    found = next((o["inputs"] for o in options[0]["options"] if o["key"] == key), {}) if kind == DYNAMIC else {}
    return [(f"{name}.{n}", spec) for g in ("required", "optional") for n, spec in found.get(g, {}).items()]


def _chosen(value: Any, kind: Any, options: list[dict[str, Any]]) -> Any:
    """A widget's value; for null in a list of choices the first of them, as the page does."""
    choices = kind if isinstance(kind, list) else options[0].get("options", []) if options else []
    return choices[0] if value is None and choices else value


def nodes_of(prompt: dict[str, Any], class_type: str) -> list[dict[str, Any]]:
    """The inputs of every node of a type."""
    return [node["inputs"] for node in prompt.values() if node["class_type"] == class_type]
