"""What the host's modules are made to do while they are trained through; all of it is taken back afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import comfy.model_sampling
import torch
from comfy.text_encoders.t5 import T5LayerNorm
from torch.utils.checkpoint import checkpoint

from ..families import IN_PLACE_READERS, class_path, guess, is_one_of
from ..families.guess import Classes
from . import stand_ins

NORMS = (torch.nn.LayerNorm, torch.nn.RMSNorm, T5LayerNorm)
"""Layers that keep their input for the backward pass, where a block that works in place would have changed it."""

RAW = ("calculate_denoised", "calculate_input", "timestep")
"""Methods of a model's sampling that `raw_output` may replace."""


@contextmanager
def raw_output(model: Any) -> Iterator[None]:
    """Let `apply_model` return the network's output itself instead of the denoised latent.

    Noisy latents and sigmas are taken as training counts them. Cosmos-Predict2's sampler has sigma / (1 - sigma) and latents
    as much larger, and its network gets what any flow model gets.
    """
    sampling = model.model_sampling
    changes: dict[str, Any] = {"calculate_denoised": lambda _sigma, output, _input: output}
    if isinstance(sampling, comfy.model_sampling.COSMOS_RFLOW):
        changes |= {"calculate_input": lambda _sigma, noisy: noisy, "timestep": lambda sigma: sigma}
    vars(sampling).update(changes)
    try:
        yield
    finally:
        for name in changes:
            del vars(sampling)[name]


@contextmanager
def without_traces(model: torch.nn.Module) -> Iterator[None]:
    """Afterwards, what a model's forward has kept of its last input is gone (Cosmos-Predict2: text and timestep embeddings)."""
    before = set(vars(model))
    try:
        yield
    finally:
        for name in vars(model).keys() - before:
            del vars(model)[name]


@contextmanager
def patched(modules: Iterable[torch.nn.Module], wrap: Callable[[torch.nn.Module, Any], Any]) -> Iterator[None]:
    """Give each module `wrap(module, its forward)` as forward; afterwards the instances are as before."""
    patched: list[tuple[torch.nn.Module, Any]] = []
    try:
        for module in modules:
            patched.append((module, module.__dict__.get("forward")))
            module.forward = wrap(module, module.forward)
        yield
    finally:
        for module, own in patched:
            if own is None:
                module.__dict__.pop("forward", None)
            else:
                module.forward = own


@contextmanager
def differentiable(model: torch.nn.Module) -> Iterator[None]:
    """Let blocks that add to their input in place run a backward pass.

    Their norms, and what else is named in `Layers.in_place_readers`, keep that input for the backward pass and would find
    it changed. They get a copy instead, which is what an addition out of place would have kept too.
    """
    in_place = guess.classes_of(model).in_place
    blocks = [module for module in model.modules() if is_one_of(module, in_place)]
    nothing = frozenset[str]()
    names = nothing.union(*(IN_PLACE_READERS.get(class_path(type(block)), nothing) for block in blocks))
    readers = [
        child for block in blocks for child in block.children() if isinstance(child, NORMS) or is_one_of(child, names)
    ]
    with patched(readers, lambda _reader, forward: _on_copy(forward)), _functions_on_copies(names):
        yield


def _on_copy(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is given a copy of its first argument where that has a gradient."""
    return lambda x, *args, **kwargs: function(x.clone() if x.requires_grad else x, *args, **kwargs)


def _functions_on_copies(names: Iterable[str]) -> AbstractContextManager[None]:
    """Run the host's functions among `names` on copies; classes of modules are left alone."""
    return stand_ins.replaced(dict.fromkeys(names, lambda own: own if isinstance(own, type) else _on_copy(own)))


def on_copies(
    block: torch.nn.Module, forward: Callable[..., Any], classes: Classes = guess.KNOWN
) -> Callable[..., Any]:
    """Return a block's `forward`, run on copies of its inputs if it writes into them, or may do so."""
    if not is_one_of(block, classes.in_place):
        return forward

    def fresh(*args: Any, **kwargs: Any) -> Any:
        args = tuple(map(_copied, args))
        named = [k for k in (kwargs if classes.guessed else ("img", "txt")) if isinstance(kwargs.get(k), torch.Tensor)]
        return forward(*args, **kwargs | {k: kwargs[k].clone() for k in named})

    return fresh


def _copied(value: Any) -> Any:
    """Return a copy of a tensor, or of those in a tuple (LTX-2's block takes pictures and sound as one)."""
    if isinstance(value, tuple):
        return tuple(_copied(one) for one in value)
    return value.clone() if isinstance(value, torch.Tensor) else value


def _recomputed(model: torch.nn.Module, how: str, classes: Classes) -> Iterator[torch.nn.Module]:
    """Yield the blocks that gradient checkpointing computes again.

    part: of every kind of transformer block the first, third ... one. Convolution blocks save less than half as much
    per operation done twice (SDXL: 0.43 GiB a picture for 7 %, transformer blocks 5.3 GiB for 36 %).
    """
    seen: Counter[str] = Counter()
    for module in model.modules():
        kind = class_path(type(module))
        if how == "all" and kind in classes.recomputed:
            yield module
        if how == "part" and kind in classes.blocks:
            seen[kind] += 1
            if seen[kind] % 2:
                yield module


def _drops(module: torch.nn.Module) -> bool:
    """Return whether a module is a dropout with a probability above 0, in training mode."""
    return module.training and "Dropout" in type(module).__name__ and getattr(module, "p", 0) > 0


def checkpointed(model: torch.nn.Module, how: str, draws: bool = True) -> AbstractContextManager[None]:
    """Recompute blocks in the backward pass instead of keeping their activations.

    Args:
        how: "part" or "all" of the blocks; any other word: none.
        draws: whether what is put on the model draws random numbers in its forward. Where neither that nor the model's own
            dropout does, torch need not read and set the states of its generators around every block, twice.
    """
    keep = draws or any(map(_drops, model.modules()))
    classes = guess.classes_of(model)

    def wrap(block: torch.nn.Module, forward: Any) -> Any:
        run = on_copies(block, forward, classes)
        return lambda *args, **kwargs: checkpoint(run, *args, use_reentrant=False, preserve_rng_state=keep, **kwargs)

    return patched(_recomputed(model, how, classes), wrap)
