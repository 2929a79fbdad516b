"""Weights in 16 bits: rounding that is right in the mean, and learning that survives it."""

import pytest
import torch
from athanor.training_core.optim import averaging, rounding

TYPES = [torch.bfloat16, torch.float16]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("value", [1.001, -1.001, 3.14159, 1e-3, -7.7e-6, 2.0e4])
def test_right_in_the_mean(dtype, value):
    """Only the two neighbours appear, as often as their distance says: within five standard errors."""
    n = 200_000
    values = torch.full((n,), value)
    rounded = rounding.stochastic(values, dtype, seeded()).double()
    low, high = rounded.min(), rounded.max()
    exact = values[0].double()
    assert low <= exact <= high and len(rounded.unique()) <= 2
    step = (high - low).item()
    nearest = values[:1].to(dtype).double()
    assert nearest in (low, high) and step <= 2 * torch.finfo(dtype).eps * max(abs(value), 2.0**-14)
    assert abs(rounded.mean() - exact) <= 5 * step / 2 / n**0.5


@pytest.mark.parametrize("dtype", TYPES)
def test_numbers_of_the_type_stay(dtype):
    """All 65536 of them but NaN, the subnormal and the infinite included."""
    every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(dtype)
    every = every[~every.isnan() & ((every.float().abs() > 2.0**-119) | (every == 0))]
    assert len(every) > 50_000
    assert torch.equal(rounding.stochastic(every.float(), dtype, seeded()), every)
    assert rounding.stochastic(torch.tensor([float("nan")]), dtype, seeded()).isnan().all()


def parameter(dtype=torch.bfloat16):
    return torch.nn.Parameter(torch.linspace(-1, 1, 64).to(dtype))


def moved(seed, step, by=1e-4):
    p = parameter()
    p.grad = torch.ones_like(p)
    with rounding.updating([p], seed)(step):
        assert p.dtype is p.grad.dtype is torch.float32
        with torch.no_grad():
            p -= by * p.grad
    assert p.dtype is torch.bfloat16 and p.grad is None
    return p.detach()


def test_a_pure_function_of_seed_and_step():
    """Whatever was drawn before."""
    one = moved(1, 5)
    torch.rand(3)
    assert torch.equal(one, moved(1, 5))
    assert not torch.equal(one, moved(1, 6)) and not torch.equal(one, moved(2, 5))
    assert not torch.equal(one, parameter().detach())  # plain rounding would have lost it all
    assert torch.equal((parameter().float() - 1e-4).bfloat16()[40:], parameter().detach()[40:])


def test_float32_is_left_alone():
    p = parameter(torch.float32)
    p.grad = torch.ones_like(p)
    data = p.data_ptr()
    with rounding.updating([p], 0)(0):
        pass
    assert p.data_ptr() == data and p.grad is not None


def test_the_type_is_back_after_an_error():
    p = parameter()
    with pytest.raises(KeyError), rounding.updating([p], 0)(0):
        raise KeyError
    assert torch.equal(p, parameter())


def test_a_schedule_free_average_can_be_looked_at():
    """Its state is float32: the look goes there and back, and what is trained stays to the bit."""
    import schedulefree

    p = parameter()
    optimizer = schedulefree.AdamWScheduleFree([p], lr=0.1)
    optimizer.train()
    for step in range(3):
        p.grad = torch.ones_like(p)
        with rounding.updating([p], 0)(step):
            optimizer.step()
    before = p.detach().clone()
    with averaging.eval_weights(optimizer)():
        assert p.dtype is torch.bfloat16 and not torch.equal(p, before)
    assert torch.equal(p, before)
