"""How a result calls its layers and their pieces, and how large a layer is by its pieces."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from .change import ALPHA, DOWN, UP, Pieces, Shapes
from .opened import LoraFile


def as_in(files: Sequence[LoraFile], layer: str, pieces: Pieces) -> dict[str, torch.Tensor]:
    """Return a layer's tensors by their keys, spelled as in the first file that has the layer.

    Where that file has PEFT's names and no alpha, alpha / rank goes into lora_A, since readers of PEFT's files look for none.
    """
    file = next(file for file in files if layer in file.layers)
    keys, name = file.keys[layer], file.layers[layer]
    if ALPHA not in keys and keys.get(DOWN, DOWN) != f"{name}.{DOWN}":
        pieces = without_alpha(pieces)
    return {keys.get(piece, f"{name}.{piece}"): value for piece, value in pieces.items()}


def without_alpha(pieces: Pieces) -> Pieces:
    """Return LoRA's pieces with alpha / rank in the down weight, in its number format; others as they are."""
    if ALPHA not in pieces or DOWN not in pieces or UP not in pieces:
        return pieces
    down = pieces[DOWN]
    scale = float(pieces[ALPHA].item()) / len(down)
    rest = {piece: value for piece, value in pieces.items() if piece != ALPHA}
    return rest if scale == 1 else rest | {DOWN: (down.float() * scale).to(down.dtype)}


def size(shapes: Shapes) -> tuple[int, int] | None:
    """Return (out, in * kernel) of the weight that a layer's pieces change; None where they do not tell it."""
    if "diff" in shapes and len(shapes["diff"]) > 1:
        return shapes["diff"][0], math.prod(shapes["diff"][1:])
    if UP in shapes and DOWN in shapes and shapes[UP] and shapes[DOWN]:
        kernel = math.prod(shapes["lora_mid.weight"][2:]) if "lora_mid.weight" in shapes else 1
        return shapes[UP][0], math.prod(shapes[DOWN][1:]) * kernel
    if shapes.get("hada_w1_a") and shapes.get("hada_w1_b") and "hada_t1" not in shapes:
        return shapes["hada_w1_a"][0], math.prod(shapes["hada_w1_b"][1:])
    return None
