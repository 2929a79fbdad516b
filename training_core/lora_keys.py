"""The names in LoRA files of all trainers: which layer a key belongs to, and which piece of its change it is."""

from __future__ import annotations

import re
from typing import NamedTuple

MAGNITUDE = "lora_magnitude_vector"
"""PEFT's piece of DoRA: the trained norm of each output row."""
DORA = ("dora_scale", MAGNITUDE)
"""Pieces that hold DoRA's trained norms: in LyCORIS' form, and in PEFT's."""
_UP, _DOWN = "lora_up.weight", "lora_down.weight"
_PIECES = {
    "lora_B": _UP, "lora_B.weight": _UP, "lora.up.weight": _UP, "lora_linear_layer.up.weight": _UP,
    "lora_A": _DOWN, "lora_A.weight": _DOWN, "lora.down.weight": _DOWN, "lora_linear_layer.down.weight": _DOWN,
    f"{MAGNITUDE}.weight": MAGNITUDE,
}  # fmt: skip
"""Pieces as others call them -> in kohya's and LyCORIS' spelling."""
_OWN = (
    _UP, _DOWN, "lora_mid.weight", MAGNITUDE, "dora_scale", "alpha",
    "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
    "lokr_w1", "lokr_w2", "lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b", "lokr_t2",
    "a1.weight", "a2.weight", "b1.weight", "b2.weight", "bm.weight", "oft_blocks", "rescale",
    "diff", "diff_b", "w_norm", "b_norm", "set_weight", "on_input", "weight",
)  # fmt: skip
_PIECES |= {piece: piece for piece in _OWN}
_LONGEST = 4
"""Words with dots between of the longest piece."""
_PEFT = re.compile(r"(.+)\.(?:(lora_[AB])\.[^.]+\.weight|lora_magnitude_vector\.[^.]+(?:\.weight)?)")
"""PEFT's keys with the adapter's name in them: lora_A.default.weight."""
_PROCESSOR = re.compile(r"(.+)\.processor\.(to_[a-z]+)(\.0)?")
"""diffusers' old attention processors, which had the layers of their attention."""
_BUNDLED = re.compile(r"bundle_emb\.(.+?)(?:\.string_to_param\.\*|\.[^.]*)?")
_TEXT = re.compile(
    r"(?:base_model\.model\.)?(?:lora_te(?P<te>\d?)_|lora_prior_te_|text_encoder(?:_(?P<encoder>\d))?\.(?:base_model\.model\.)?|"
    r"(?:text_encoders?\.)?(?P<name>clip_[lgh]|t5xxl|t5)\.(?:transformer\.)?|text_encoders\.(?:transformer\.)?|(?=text_model\.))"
)
_BY_NAME = {"clip_l": "te1", "clip_h": "te1", "clip_g": "te2", "t5": "te3", "t5xxl": "te3"}
_UNET = re.compile(
    r"lora_unet__?|lora_prior_unet_|lora_transformer_|lycoris_|"
    r"(?:(?:base_model\.model|model\.diffusion_model|diffusion_model|transformer|unet|pipe\.dit|dit)\.)+"
)
_WITHOUT_TEXT_MODEL = re.compile(r"(?:encoder[._]layers[._]|embeddings[._]|final_layer_norm\b)")


class Place(NamedTuple):
    """Where in the model a layer is."""

    part: str  # unet, te1 (CLIP-L or CLIP-H), te2 (CLIP-G), te3 (T5)
    path: str  # within the part, with dots or underscores as the file has it
    prefixed: bool  # whether the file says the part


def split(key: str) -> tuple[str, str] | None:
    """Return (layer, piece) of a key, the piece in kohya's or LyCORIS' spelling; None for a key of no known form."""
    if key.endswith(("_lora.up.weight", "_lora.down.weight")):
        head, _, piece = key.rpartition("_lora.")
        return _layer(head), f"lora_{piece}"
    if match := _PEFT.fullmatch(key):
        return _layer(match[1]), _PIECES[match[2] or MAGNITUDE]
    words = key.rsplit(".", _LONGEST)
    for count in range(len(words) - 1, 0, -1):
        tail = ".".join(words[-count:])
        layer, piece = key[: -len(tail) - 1], _PIECES.get(tail)
        if layer and piece and (piece != "weight" or "lora" in layer):
            return _layer(layer), piece
    return None


def _layer(name: str) -> str:
    """Return a layer's name without an attention processor in it, whose output layer is called to_out instead of to_out.0."""
    match = _PROCESSOR.fullmatch(name)
    return f"{match[1]}.{match[2]}{'.0' * (match[2] == 'to_out')}" if match else name


def place(layer: str) -> Place:
    """Return where a layer is, by its name in any trainer's spelling."""
    if match := _TEXT.match(layer):
        path = layer[match.end() :]
        number = match["te"] or match["encoder"] or "1"
        part = _BY_NAME.get(match["name"] or "", f"te{number}")
        if re.match(r"encoder[._]block[._]", path):  # T5, which some count as the second encoder and some as the third
            part = "te3"
        elif _WITHOUT_TEXT_MODEL.match(path):  # as newer transformers call CLIP's layers
            path = f"text_model{'_' if '.' not in path else '.'}{path}"
        return Place(part, path, True)
    match = _UNET.match(layer)
    return Place("unet", layer[match.end() :] if match else layer, bool(match))


def embedding(key: str) -> str | None:
    """Return the name of the embedding that OneTrainer has bundled with the LoRA under this key; None for other keys."""
    match = _BUNDLED.fullmatch(key)
    return match[1] if match else None
