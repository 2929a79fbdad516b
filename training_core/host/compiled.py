"""Transformer blocks compiled by torch, so that a step is fewer and larger operations.

All blocks of a kind share one graph for every shape of their inputs. The host tells each block its number, which would make
every block a graph of its own until dynamo gives up and runs the rest as usual without a word: inside, blocks are not told.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from comfy.ldm.modules.attention import attention_pytorch

from .patches import patched
from .swap import HOME, transformer_blocks

log = logging.getLogger("athanor")
BACKEND = "inductor"
SHAPES = 64
"""Graphs of a kind of block at most; buckets, batch sizes and lengths of captions make them."""
PATCHES = ("patches", "patches_replace", "wrappers")
"""What a graph can have put into the model's options that blocks must go on seeing."""


def _attention(_chosen: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
    """torch's own; it must not write to the log as `Attention` does, which would cut the graph."""
    return attention_pytorch(*args, **kwargs)


OPTIONS: Mapping[str, Any] = {"optimized_attention_override": _attention}
"""All that a compiled block is told."""


class Compiled:
    """Counts graphs, and goes back to the plain blocks once they cannot be compiled."""

    def __init__(self, backend: str) -> None:
        self.graphs: Counter[str] = Counter()
        """By kind of block."""
        self.operations = 0
        self.reason = ""
        """Why the blocks run as usual; empty while they do not."""
        self._counted = self._counted_backend  # the very same for all blocks: graphs are shared by those of one backend
        self._backend, self._told, self._kind = backend, "", ""

    def wrap(self, block: torch.nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
        """`forward`, compiled as soon as it is run."""
        kind = type(block).__name__
        ready = torch.compile(forward, backend=self._counted, dynamic=False, fullgraph=True)

        def run(*args: Any, **kwargs: Any) -> Any:
            options = kwargs.get("transformer_options") or {}
            if self.reason or not torch.is_grad_enabled():  # a look at the model in between is not worth a graph
                return forward(*args, **kwargs)
            if any(options.get(name) for name in PATCHES):
                return self._give_up("the graph has patched its blocks", forward, args, kwargs)
            told = kwargs | {"transformer_options": dict(OPTIONS)} if "transformer_options" in kwargs else kwargs
            self._kind = kind
            try:
                return ready(*args, **told)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:
                if not _of_compiling(error):
                    raise
                return self._give_up(_sentence(error), forward, args, kwargs)

        return run

    def _counted_backend(self, graph: torch.fx.GraphModule, inputs: Any) -> Any:
        self.graphs[self._kind] += 1
        self.operations += sum(node.op.startswith("call") for node in graph.graph.nodes)
        return torch._dynamo.lookup_backend(self._backend)(graph, inputs)

    def _give_up(self, why: str, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        self.reason = why
        return forward(*args, **kwargs)

    def said(self) -> Iterator[str]:
        """What is new since the last time, for the log or (if it is a failure) for the user: one sentence."""
        if self.reason and self._told != self.reason:
            self._told = self.reason
            yield (
                f"torch_compile: the model's blocks cannot be compiled here ({self.reason}); they run as usual, the result is the "
                "same. Switch torch_compile off."
            )

    def summary(self) -> str:
        """Graphs by kind of block, in words."""
        kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(self.graphs.items()))
        return f"{sum(self.graphs.values())} graphs compiled ({kinds or 'none'})"


def _of_compiling(error: Exception) -> bool:
    """Whether torch could not compile, other than the block itself failing."""
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor", "torch._functorch"))


def _sentence(error: Exception) -> str:
    name = type(error).__name__
    if "TritonMissing" in name + str(error):
        return "the package triton is missing: pip install triton, on Windows triton-windows"
    if "InvalidCxxCompiler" in name + str(error):
        return "there is no C++ compiler, which torch needs for it on a CPU"
    if "RecompileLimit" in name:
        return f"their inputs have more than {SHAPES} shapes: fewer buckets would do"
    return " ".join(str(error).split())[:160] or name


@contextmanager
def compiled(model: torch.nn.Module, backend: str = "") -> Iterator[Compiled]:
    """Compile the transformer blocks of a model; its instances are as before afterwards.

    Blocks whose weights come and go (`swap`) are left out.

    Args:
        backend: of torch.compile; empty: inductor.
    """
    blocks = [
        block for block in transformer_blocks(model) if not any(HOME in layer.__dict__ for layer in block.modules())
    ]
    found = Compiled(backend or BACKEND)
    limits = {"recompile_limit": SHAPES, "accumulated_recompile_limit": SHAPES * 8, "fail_on_recompile_limit_hit": True}
    with torch._dynamo.config.patch(limits), patched(blocks, found.wrap):
        try:
            yield found
        finally:
            if found.graphs:
                log.info("Athanor: %s", found.summary())
            torch._dynamo.reset()  # graphs hold the weights of the network
