"""How files may call a model's layers so that ComfyUI's own loader knows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PREFIXES = (
    "unet.base_model.model.", "base_model.model.", "lora_prior_unet_", "lora_transformer_", "lora_unet_", "lycoris_",
    "diffusion_model.", "transformer.", "unet.", "",
)  # fmt: skip
"""A prefix before another that it begins with."""
OLD = ".processor."
"""In the names of diffusers' attention processors before 2023."""


def forms(model: Any, layers: Iterable[str]) -> list[str]:
    """Return the forms of names, such as `transformer.<diffusers>`, by which the stock loader reads all of these layers.

    `<path>` is ComfyUI's own path of a module, `<diffusers>` another name of it; behind `_`, both have underscores for dots.

    Args:
        model: ComfyUI's model.
        layers: paths in its diffusion model.
    """
    import comfy.lora

    wanted: set[str] = set(layers)
    own: dict[str, set[str]] = {prefix: set() for prefix in PREFIXES}
    other: dict[str, set[str]] = {prefix: set() for prefix in PREFIXES}
    for name, target in comfy.lora.model_lora_keys_unet(model, {}).items():
        weight = target if isinstance(target, str) else target[0]
        path = weight.removeprefix("diffusion_model.").removesuffix(".weight")
        if path in wanted and (OLD not in name or OLD in path):
            prefix = next(prefix for prefix in PREFIXES if name.startswith(prefix))
            same = name.removeprefix(prefix) == (path.replace(".", "_") if prefix.endswith("_") else path)
            (own if same else other)[prefix].add(path)
    found = {f"{prefix}<path>" for prefix in PREFIXES if own[prefix] == wanted}
    # Most layers of Z-Image are called the same by both; of Flux, `linear1_qkv` alone has another name in ComfyUI.
    found |= {f"{p}<diffusers>" for p in PREFIXES if other[p] | own[p] == wanted and 4 * len(other[p]) > len(wanted)}
    return sorted(found)
