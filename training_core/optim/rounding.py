"""Parameters kept in bfloat16 or float16: updated in float32, rounded so that small updates are not lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from ..randomness import torch_seed

MANTISSA = {torch.bfloat16: (7, -126), torch.float16: (10, -24)}
"""Number of bits behind the leading one, and the exponent of the smallest step between two numbers (of bfloat16's, the
smallest that is a normal float32).
"""


def stochastic(values: torch.Tensor, dtype: torch.dtype, generator: torch.Generator) -> torch.Tensor:
    """Round float32 `values` to `dtype` stochastically: up with a probability that is the distance from the lower neighbour, so that
    the mean is right.

    Rounding to the nearest would lose every update that is smaller than half of the step between two numbers, which is
    1/256 of a bfloat16 weight. Values that `dtype` has stay what they are.
    """
    bits, smallest = MANTISSA[dtype]
    exponent = (torch.frexp(values).exponent - 1 - bits).clamp_(min=smallest)
    # In units of the step that `dtype` has there; exact, since these are powers of two.
    units = torch.ldexp(values, -exponent)
    down = units.floor()
    chance = torch.rand(values.shape, generator=generator, device=values.device)
    down += chance < units - down
    result = torch.ldexp(down, exponent)
    return torch.where(values.isfinite(), result, values).to(dtype)


@contextmanager
def in_float32(
    parameters: Sequence[torch.nn.Parameter],
    back: Callable[[torch.Tensor, torch.dtype], torch.Tensor] = torch.Tensor.to,
) -> Iterator[None]:
    """Make parameters of other types float32 inside, with their gradients; the gradients are gone afterwards.

    Args:
        back: (float32 values, type) -> the same in that type.
    """
    lower = [(p, p.dtype) for p in parameters if p.dtype != torch.float32]
    try:
        for p, _ in lower:
            gradient, p.grad = p.grad, None
            p.data = p.data.float()
            p.grad = gradient if gradient is None else gradient.float()
        yield
    finally:
        for p, dtype in lower:
            p.grad = None
            if p.dtype == torch.float32:
                p.data = back(p.data, dtype)


def updating(parameters: Sequence[torch.nn.Parameter], seed: int) -> Callable[[int], AbstractContextManager[None]]:
    """Return the context of an optimizer step, for each step number: 16-bit parameters are updated in float32 and rounded back.

    The random numbers are keyed by (seed, step), on the parameters' device.
    """
    if all(p.dtype == torch.float32 for p in parameters):
        return lambda _step: nullcontext()

    def update(step: int) -> AbstractContextManager[None]:
        generator = torch.Generator(parameters[0].device).manual_seed(torch_seed(seed, "rounding", step))
        return in_float32(parameters, lambda values, dtype: stochastic(values, dtype, generator))

    return update
