"""LoRA in diffusers' names (PEFT's format), both ways: q, k and v are one layer here and three there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import torch

from ..errors import AthanorError
from ..lora_keys import MAGNITUDE
from . import peft

Tensors = dict[str, torch.Tensor]
Rows = slice | torch.Tensor
"""Index into the rows of a weight (host/diffusers.py)."""
Names = Mapping[str, Mapping[str, Rows]]
"""Module in our files -> module of diffusers -> its rows of the weight, as host/diffusers.py gives them."""

_DOWN, _UP = "lora_down.weight", "lora_up.weight"
_WHOLE = slice(None)
_NONE: Mapping[str, torch.Tensor] = MappingProxyType({})


def check(keys: Iterable[str], names: Names, by_rows: bool = True) -> None:
    """Check that a file with these keys (kohya's names) can be written in diffusers' names.

    Args:
        by_rows: DoRA's norms, if there are any, are of output rows.

    Raises:
        AthanorError: says why not.
    """
    off = "switch save_diffusers_copy off"
    if not names:
        raise AthanorError(f"save_diffusers_copy is not supported for this kind of model; {off}.")
    for key in keys:
        module, _, part = key.partition(".")
        if part not in (_DOWN, _UP, "alpha", "dora_scale"):
            raise AthanorError(
                f"save_diffusers_copy: {key} cannot be stored in a PEFT file; use algo lora or locon without use_tucker and "
                f"train_norm, or {off}."
            )
        if part == "dora_scale" and not by_rows:
            raise AthanorError(
                f"save_diffusers_copy: a PEFT file has DoRA's magnitudes of output rows alone; switch wd_on_output on, or {off}."
            )
        if module not in names and module.startswith("lora_te"):
            raise AthanorError(
                f"save_diffusers_copy: {module} has no name in diffusers, which reads no LoRA of T5; set train to unet, or {off}."
            )
        if module not in names:
            raise AthanorError(f"save_diffusers_copy: {module} has no layer name in diffusers; exclude it, or {off}.")


def split(tensors: Mapping[str, torch.Tensor], names: Names, magnitudes: Mapping[str, torch.Tensor] = _NONE) -> Tensors:
    """Return a LoRA file's tensors (kohya's names) in diffusers' names, in the same number format.

    alpha / rank goes into lora_A, for readers that take alpha for the rank: in lora_B, whose trained numbers are small, fp16 would
    lose 1 to 7 % of the change at a rank of 128. Where diffusers has several modules for one of ours, each gets its rows of the
    up weight and of DoRA's magnitude, and the down weight is repeated.

    Args:
        tensors: lora_down (rank, in, ...), lora_up (out, rank, ...) and alpha () per module; dora_scale is not looked at, since it is
            made for the host's loader.
        magnitudes: module -> its norms as DoRA trains them, (out,): PEFT computes with these.

    Raises:
        AthanorError: as `check`.
    """
    modules = list(dict.fromkeys(key.partition(".")[0] for key in tensors))
    check(tensors, names, all(module in magnitudes for module in modules if f"{module}.dora_scale" in tensors))
    result: Tensors = {}
    for module in modules:
        down, up = tensors[f"{module}.{_DOWN}"], tensors[f"{module}.{_UP}"]
        alpha = tensors.get(f"{module}.alpha")
        scale = 1.0 if alpha is None else float(alpha) / down.shape[0]
        scaled = (down.float() * scale).to(down.dtype)
        free = torch.ones(up.shape[0], dtype=torch.bool)
        for theirs, rows in names[module].items():
            if free[rows].all():  # else another name of the same rows
                free[rows] = False
                result[f"{theirs}.lora_A.weight"] = scaled.clone()
                result[f"{theirs}.lora_B.weight"] = up[rows].clone().contiguous()
                if module in magnitudes:
                    norms = magnitudes[module].float()[rows]
                    result[f"{theirs}.{MAGNITUDE}"] = norms.reshape(
                        -1 if up.ndim == 2 else (1, -1, *up.shape[2:])
                    ).clone()
    return result


def places(names: Names) -> dict[str, tuple[str, Rows]]:
    """Return diffusers' module of a diffusion model, as `lora_unet_` and its path with underscores -> our module, and its rows."""
    return {
        "lora_unet_" + theirs.partition(".")[2].replace(".", "_"): (ours, rows)
        for ours, all_theirs in names.items()
        for theirs, rows in all_theirs.items()
        if not theirs.startswith("text_encoder")
    }


def join(
    given: Mapping[str, Mapping[str, torch.Tensor]],
    paths: Mapping[str, str],
    names: Names,
    metadata: Mapping[str, str],
) -> tuple[dict[str, Tensors], bool, list[str]]:
    """Join the parts of a file in diffusers' names to the modules that this model has; the opposite of `split`.

    Low-rank products on some rows each are one low-rank product on all rows: the down weights below each other, the up
    weights as blocks of a diagonal. Ranks add up, except for equal down weights, which are needed once.

    Args:
        given: module as `lora_unet_` and its path with underscores -> part -> tensor. What is in none of diffusers' names
            is passed on.
        paths: the same module -> its path with dots where the file has that, else its name.

    Returns:
        module in our files -> part -> tensor; whether modules had to be put together; what cannot be.
    """
    index = places(names)
    adapter = peft.settings(metadata)
    pieces: dict[str, list[tuple[str, Rows, Tensors]]] = {}
    for module, parts in given.items():
        ours, rows = index.get(module, (module, _WHOLE))
        parts = dict(parts)
        if "alpha" not in parts and _DOWN in parts:
            alpha = peft.alpha(adapter, paths[module], len(parts[_DOWN]))
            parts |= {} if alpha is None else {"alpha": torch.tensor(alpha)}
        pieces.setdefault(ours, []).append((paths[module], rows, parts))
    result: dict[str, Tensors] = {}
    wrong: list[str] = []
    together = False
    for ours, pieces_of_layer in pieces.items():
        if len(pieces_of_layer) == 1 and isinstance(pieces_of_layer[0][1], slice) and pieces_of_layer[0][1] == _WHOLE:
            result[ours] = pieces_of_layer[0][2]
            continue
        rows_of_all = height(names[ours].values())
        trouble = [
            t
            for path, rows, parts in pieces_of_layer
            if (t := _trouble(path, rows, parts, rows_of_all, pieces_of_layer[0][2]))
        ] or _without_magnitude([(path, parts) for path, _, parts in pieces_of_layer], rows_of_all)
        result[ours] = {} if trouble else _joined([(rows, parts) for _, rows, parts in pieces_of_layer], rows_of_all)
        wrong += trouble
        together |= len(pieces_of_layer) > 1
    return result, together, wrong


def height(rows: Iterable[Rows]) -> int:
    """Return the number of rows of a weight of which some modules of diffusers are parts."""
    ends = [r.stop if isinstance(r, slice) else len(r) for r in rows]
    return max(end for end in ends if end)


def _trouble(path: str, rows: Rows, parts: Tensors, height: int, first: Tensors) -> str:
    """Return why a module cannot be joined with others, or ''."""
    if parts.keys() - {"alpha", MAGNITUDE} != {_DOWN, _UP}:
        return f"{path} is part of a layer of this model, and only the parts of a plain LoRA can be joined"
    count = len(range(height)[rows]) if isinstance(rows, slice) else len(rows)
    if parts[_UP].shape[0] != count:
        return f"{path} has {parts[_UP].shape[0]} rows, the model {count}"
    if parts[_DOWN].shape[1:] != first[_DOWN].shape[1:]:
        return f"{path} has {parts[_DOWN].shape[1]} columns, others of its layer {first[_DOWN].shape[1]}"
    if parts[_UP].shape[2:] != first[_UP].shape[2:]:
        return f"{path} and others of its layer have different kernels"
    return ""


def _without_magnitude(pieces: list[tuple[str, Tensors]], height: int) -> list[str]:
    """Return what is wrong where some rows of a layer have DoRA's magnitude and others have none."""
    path, _ = pieces[0]
    there = sum(parts[MAGNITUDE].numel() for _, parts in pieces if MAGNITUDE in parts)
    return (
        [f"{path} and others of its layer have DoRA magnitudes for {there} of {height} rows"] if there % height else []
    )


def _joined(pieces: list[tuple[Rows, Tensors]], height: int) -> Tensors:
    downs: list[torch.Tensor] = []
    for _, parts in pieces:
        if not any(torch.equal(parts[_DOWN], down) for down in downs):
            downs.append(parts[_DOWN])
    starts = [sum(len(down) for down in downs[:i]) for i in range(len(downs) + 1)]
    up = torch.zeros(height, starts[-1], *pieces[0][1][_UP].shape[2:])
    magnitude = torch.zeros(height)
    for rows, parts in pieces:
        if MAGNITUDE in parts:
            magnitude[rows] = parts[MAGNITUDE].float().flatten()
        i = next(i for i, down in enumerate(downs) if torch.equal(parts[_DOWN], down))
        scale = float(parts["alpha"].item()) / len(parts[_DOWN]) if "alpha" in parts else 1.0
        up[rows, starts[i] : starts[i + 1]] += parts[_UP].float() * scale
    has_magnitude = any(MAGNITUDE in parts for _, parts in pieces)
    return {_DOWN: torch.cat(downs).float(), _UP: up} | ({MAGNITUDE: magnitude} if has_magnitude else {})
