"""The kinds of models that can be trained: one record each, and what follows from all of them.

To add one: its record in a file of this folder, its name in `FAMILIES`, its layout and case in tests/helpers/layouts/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .cascade import STABLE_CASCADE
from .cross_attention import HUNYUAN_DIT, PIXART_ALPHA, PIXART_SIGMA
from .flux import (
    CHROMA,
    FLUX1_CONTROL,
    FLUX1_DEV,
    FLUX1_FILL,
    FLUX1_SCHNELL,
    FLUX2,
    HUNYUAN_IMAGE,
    LONGCAT_IMAGE,
    OVIS_IMAGE,
)
from .language import ERNIE_IMAGE, IDEOGRAM4, KREA2, LENS
from .pixels import CHROMA_RADIANCE, HIDREAM_O1, PIXELDIT, Z_IMAGE_PIXELS
from .predict2 import ANIMA, COSMOS_PREDICT2
from .record import SAME, Config, Controls, Family, Layers, class_path, is_one_of
from .refused import REFUSED, may_be_tried
from .refused import why as why_refused
from .text_encoders import CLIP, T5
from .transformers import AURAFLOW, HIDREAM, LUMINA2, NEWBIE, QWEN_IMAGE, SD3, Z_IMAGE, Z_IMAGE_OMNI
from .unet import (
    KOALA_1B,
    KOALA_700M,
    SD2,
    SD2_INPAINTING,
    SD2_UNCLIP,
    SD15,
    SD15_EDIT,
    SD15_INPAINTING,
    SDXL,
    SDXL_EDIT,
    SDXL_INPAINTING,
    SDXL_REFINER,
    SSD1B,
    VEGA,
)
from .video import HUNYUAN_VIDEO, HUNYUAN_VIDEO_15, KANDINSKY5, LTX2, LTX_VIDEO, MOCHI, WAN, WAN22_5B
from .vision_language import BOOGU, JOY_IMAGE, KANDINSKY5_IMAGE, MAGE_FLOW, OMNIGEN2

__all__ = [
    "BLOCKS", "FAMILIES", "IN_PLACE", "IN_PLACE_READERS", "LYCORIS_NAMES", "RECOMPUTED", "REFUSED", "SAME", "SUPPORTED", "Config",
    "Controls", "Family", "Layers", "class_path", "diffusion_classes", "identify", "is_one_of",
    "may_be_tried", "text_classes", "why_refused",
]  # fmt: skip

FAMILIES = (
    SD15, SD2, SD2_UNCLIP, SDXL, SDXL_REFINER, SSD1B, VEGA, KOALA_700M, KOALA_1B, STABLE_CASCADE,
    SD15_INPAINTING, SD2_INPAINTING, SDXL_INPAINTING, SD15_EDIT, SDXL_EDIT, FLUX1_FILL, FLUX1_CONTROL,
    SD3, FLUX1_DEV, FLUX1_SCHNELL, FLUX2, CHROMA, LUMINA2, Z_IMAGE, QWEN_IMAGE, AURAFLOW, HIDREAM, WAN,
    LONGCAT_IMAGE, OVIS_IMAGE, HUNYUAN_IMAGE,
    WAN22_5B, HUNYUAN_VIDEO, HUNYUAN_VIDEO_15, MOCHI, KANDINSKY5, LTX_VIDEO, LTX2,
    KANDINSKY5_IMAGE, OMNIGEN2, BOOGU, MAGE_FLOW, JOY_IMAGE, NEWBIE, Z_IMAGE_OMNI,
    ANIMA, COSMOS_PREDICT2, KREA2, IDEOGRAM4, ERNIE_IMAGE, LENS,
    PIXART_ALPHA, PIXART_SIGMA, HUNYUAN_DIT, CHROMA_RADIANCE, Z_IMAGE_PIXELS, HIDREAM_O1, PIXELDIT,
)  # fmt: skip
"""All that can be trained, in the order in which messages name them."""

TEXT_ENCODERS = (CLIP, T5)


def _union(parts: Iterable[tuple[str, ...]]) -> frozenset[str]:
    return frozenset(name for part in parts for name in part)


_DIFFUSION = tuple(family.layers for family in FAMILIES)
_ALL = (*_DIFFUSION, *TEXT_ENCODERS)

BLOCKS = _union(layers.blocks for layers in _ALL)
"""Transformer blocks of all families and text encoders."""
RECOMPUTED = BLOCKS | _union(layers.convolutions for layers in _ALL)
"""What gradient checkpointing "all" computes again."""
IN_PLACE = _union(layers.in_place for layers in _ALL)
"""Blocks that write into their inputs."""
IN_PLACE_READERS = {block: frozenset(layers.in_place_readers) for layers in _ALL for block in layers.in_place}
"""Such a block -> what it calls, beside LayerNorms, with what it changes afterwards."""
LYCORIS_NAMES = {theirs: ours for layers in _ALL for theirs, ours in layers.lycoris_names.items()}
"""Class name in LyCORIS' preset files -> ComfyUI's class name."""
SUPPORTED = "SD1.5, SDXL, SD3, Flux.1 dev, Flux.2, Qwen-Image or Z-Image"
"""Some families, for messages; all of them are in docs/models.md."""


def diffusion_classes(field: str) -> frozenset[str]:
    """Return all families' classes in a field of `Layers`; of `targets`, a family's blocks where it names none."""
    return _union(getattr(layers, field) or (layers.blocks if field == "targets" else ()) for layers in _DIFFUSION)


def text_classes(field: str) -> frozenset[str]:
    """Return the text encoders' classes in a field of `Layers`."""
    return _union(getattr(layers, field) for layers in TEXT_ENCODERS)


def identify(model_class: type, config: Mapping[str, Any], v_prediction: bool) -> Family | None:
    """Return the family of a model, with the fields of this variant of it; None if it is none that can be trained.

    Args:
        model_class: ComfyUI's class of the model.
        config: its unet_config.
        v_prediction: the model predicts v.
    """
    for family in FAMILIES:
        if family.model_class == class_path(model_class):
            changes = family.variant(config, v_prediction)
            if changes is not None:
                return replace(family, **changes)
    return None
