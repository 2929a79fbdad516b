"""Transformer blocks compiled by torch, so that a step is fewer and larger operations.

All blocks of a kind share one graph, for pictures and captions of every size. Weights are inputs of a graph, so that graphs are
kept for the next run of the process, with another model of the same layout as well. The host tells each block its number, which
would make every block a graph of its own until dynamo gives up and runs the rest as usual without a word: inside, blocks are not
told.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import comfy.model_management as mm
import torch
from comfy.ldm.modules.attention import attention_pytorch

from ..families import guess
from . import quantised
from .patches import on_copies, patched
from .swap import HOME, transformer_blocks

log = logging.getLogger("athanor")
BACKEND = "inductor"
MAX_SHAPES = 64
"""Graphs of a kind of block at most."""
MAX_KEPT_GRAPHS = 32
"""Graphs of earlier runs at most; more are dropped, all at once, as a run begins."""
PATCHES = ("patches", "patches_replace", "wrappers")
"""What a graph can have put into the model's options that blocks must go on seeing."""
AXES = {2: (0,), 3: (0, 1), 4: (0,), 5: (0, 2, 3), 6: (0, 1, 2)}
"""Axes whose size changes from batch to batch, by the number of axes: (B, C); (B, tokens, C); (B, 1, 6, C) of Wan's modulation;
(B, 1, h, w, C) of Anima; rotary embeddings (B, 1, tokens, C, 2, 2) or (B, tokens, 1, C, 2, 2)."""
MASKS = (0, -1)
"""And of masks, (B, tokens)."""


def _attention(_chosen: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Compute attention by torch's own function: writing to the log, as `Attention` does, would cut the graph."""
    return attention_pytorch(*args, **kwargs)


OPTIONS: Mapping[str, Any] = {"optimized_attention_override": _attention}
"""All that a compiled block is told."""


class _Counting:
    """A backend of torch.compile that counts the graphs it is given."""

    def __init__(self, backend: str) -> None:
        self.graphs: Counter[str] = Counter()
        """By kind of block, since the process began or they were dropped."""
        self.kind = ""
        """Of the block that runs."""
        self._backend = backend

    def __call__(self, graph: torch.fx.GraphModule, inputs: Any) -> Any:
        self.graphs[self.kind] += 1
        return torch._dynamo.lookup_backend(self._backend)(graph, inputs)


_counting = cache(_Counting)
"""The very same for all runs: graphs are shared by those who ask for the same backend."""


class Compiled:
    """The blocks of one run; goes back to plain ones once they cannot be compiled."""

    def __init__(self, backend: str, classes: guess.Classes = guess.KNOWN) -> None:
        """`classes`: of the model's blocks."""
        self._counting, self._classes = _counting(backend), classes
        if self._counting.graphs.total() > MAX_KEPT_GRAPHS:
            torch._dynamo.reset()
            self._counting.graphs.clear()
        self._before = self._counting.graphs.copy()
        self._dynamic = True  # False once a graph for all sizes was refused: one for each size
        self.reason = ""
        """Why the blocks run as usual; empty while they do not."""
        self._reported = ""

    @property
    def graphs(self) -> Counter[str]:
        """The graphs compiled in this run, by kind of block."""
        return self._counting.graphs - self._before

    def wrap(self, block: torch.nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
        """Return a block's `forward`, compiled at its first call with gradients."""
        kind = type(block).__name__
        # On copies: where a graph changes an input, inductor gives wrong gradients (it keeps the changed one for the backward
        # pass). The copies themselves do not outlive compiling.
        copied = on_copies(block, forward, self._classes)
        ready = torch.compile(copied, backend=self._counting, dynamic=False, fullgraph=True)

        def run(*args: Any, **kwargs: Any) -> Any:
            options = kwargs.get("transformer_options") or {}
            if self.reason or not torch.is_grad_enabled():  # a look at the model in between is not worth a graph
                return forward(*args, **kwargs)
            if any(options.get(name) for name in PATCHES):
                return self._give_up("the graph has patched its blocks", forward, args, kwargs)
            own = kwargs | {"transformer_options": dict(OPTIONS)} if "transformer_options" in kwargs else kwargs
            self._counting.kind = kind
            try:
                if self._dynamic:
                    try:
                        _mark(_named(args, own))
                        return ready(*args, **own)
                    except Exception as error:
                        _raise_other(error)
                        log.info("Athanor: torch_compile compiles each input size separately (%s)", _sentence(error))
                        self._dynamic = False
                _unmark(_named(args, own))
                return ready(*args, **own)
            except Exception as error:
                _raise_other(error)
                return self._give_up(_sentence(error), forward, args, kwargs)

        return run

    def _give_up(self, why: str, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        self.reason = why
        return forward(*args, **kwargs)

    def warnings(self) -> Iterator[str]:
        """Yield a sentence for the user if the blocks could not be compiled; once for each reason."""
        if self.reason and self._reported != self.reason:
            self._reported = self.reason
            yield (
                f"torch_compile has no effect: the model's blocks cannot be compiled ({self.reason}) and run as usual, with the same "
                "result; switch torch_compile off."
            )

    def summary(self) -> str:
        """Return how many graphs were compiled by kind of block, in words."""
        kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(self.graphs.items()))
        return f"{self.graphs.total()} graphs compiled ({kinds or 'none'}), {self._before.total()} reused from before"


def _named(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield a block's tensor arguments as (name, tensor); the name is '' for positional ones."""
    yield from (("", value) for value in args if isinstance(value, torch.Tensor))
    yield from ((name, value) for name, value in kwargs.items() if isinstance(value, torch.Tensor))


def _mark(tensors: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Let a graph be compiled for all sizes of the tensors' `AXES`; torch makes one of its own for size 1."""
    for name, value in tensors:
        axes = MASKS if "mask" in name and value.ndim == 2 else AXES.get(value.ndim, ())
        torch._dynamo.maybe_mark_dynamic(value, [axis % value.ndim for axis in axes])


def _unmark(tensors: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Take back what `_mark` has told torch: blocks hand tensors on, which may have been marked before."""
    for _, value in tensors:
        attributes: Any = value.__dict__
        attributes.pop("_dynamo_weak_dynamic_indices", None)


def _raise_other(error: Exception) -> None:
    """Raise an error again unless it is a failure to compile: the block's own errors, and out of memory."""
    inner = getattr(error, "inner_exception", error)  # what a backend has raised
    if mm.is_oom(inner):
        raise inner
    if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor", "torch._functorch", "torch.fx")):
        raise error


def _sentence(error: Exception) -> str:
    name = type(error).__name__
    if "TritonMissing" in name + str(error):
        return "the package triton is missing: pip install triton, on Windows triton-windows"
    if "InvalidCxxCompiler" in name + str(error):
        return "there is no C++ compiler, which torch needs to compile on a CPU"
    if "RecompileLimit" in name:
        return f"their inputs have more than {MAX_SHAPES} shapes: use fewer buckets"
    return " ".join(str(error).split())[:160] or name


@contextmanager
def compiled(model: torch.nn.Module, backend: str = "") -> Iterator[Compiled]:
    """Compile the transformer blocks of a model; its instances are as before afterwards.

    Blocks whose weights come and go (`swap`) are left out. Graphs are kept; they hold neither the model nor the network.

    Args:
        backend: of torch.compile; empty: inductor.
    """
    blocks = [
        block for block in transformer_blocks(model) if not any(HOME in layer.__dict__ for layer in block.modules())
    ]
    run_blocks = Compiled(backend or BACKEND, guess.classes_of(model))
    limits = {
        "recompile_limit": MAX_SHAPES,
        "accumulated_recompile_limit": MAX_SHAPES * 8,
        "fail_on_recompile_limit_hit": True,
    }
    differentiated = {
        # Else a backward pass that cannot be compiled for all sizes fails as late as in the backward pass.
        "force_non_lazy_backward_lowering": True,
        # Weights of 8 bits are cast for both passes (`frozen`): else the casts of all layers are kept for the second.
        "ban_recompute_materialized_backward": not quantised.is_8bit(model),
    }
    compiler: Any = torch
    functorch = compiler._functorch.config.patch(differentiated)
    with torch._dynamo.config.patch(limits), functorch, patched(blocks, run_blocks.wrap):
        try:
            yield run_blocks
        finally:
            if run_blocks.graphs:
                log.info("Athanor: %s", run_blocks.summary())
