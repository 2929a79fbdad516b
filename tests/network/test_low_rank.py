"""A frozen linear layer and its LoRA as one operation: the values and gradients of the two apart."""

import pytest
import saved
import torch
import torch.nn.functional as F
from athanor.training_core.network import low_rank


def made(dtype, bias=True):
    """(x, down, up, weight, bias)."""
    torch.manual_seed(0)
    sizes = [(12, 10), (3, 10), (7, 3), (7, 10), (7,)]
    x, down, up, weight, offset = (torch.randn(size, dtype=dtype) for size in sizes)
    return x, down, up, weight, offset if bias else None


def leaves(*tensors):
    return [t.detach().clone().requires_grad_(True) for t in tensors]


def apart(x, down, up, weight, bias):
    return F.linear(x, weight, bias).addmm_(F.linear(x, down), up.t())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("wanted", [(0, 1, 2), (1, 2), (2,), (0,)])
def test_gradients_are_those_of_finite_differences(wanted, bias):
    """Of whichever of input, down and up need one; a text encoding needs none."""
    *tensors, weight, offset = made(torch.float64, bias)
    for i in wanted:
        tensors[i].requires_grad_(True)
    assert torch.autograd.gradcheck(lambda *t: low_rank.linear(t[0], lambda *_: (weight, offset), t[1], t[2]), tensors)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_equal_to_the_two_apart(dtype):
    """The output to the bit; also where the gradient is a number seen as a tensor, and where gradients add up."""
    x, down, up, weight, bias = made(dtype)
    for spread in (False, True):
        gradient = torch.ones((), dtype=dtype).expand(12, 7) if spread else torch.randn(12, 7, dtype=dtype)
        results = []
        for form in (apart, lambda x, down, up, *frozen: low_rank.linear(x, lambda *_: frozen, down, up)):
            mine = leaves(x, down, up)
            out = form(*mine, weight, bias)
            out.backward(gradient)
            form(mine[0], mine[1] * 0.5, mine[2], weight, bias).backward(gradient)
            results.append((out, *(t.grad for t in mine)))
        for one, two in zip(*results, strict=True):
            assert torch.allclose(one, two, rtol=1e-5, atol=1e-6 if dtype is torch.float32 else 1e-13)
        assert torch.equal(results[0][0], results[1][0])


def test_bfloat16_is_no_coarser():
    """One rounding of the sum, in place of one for each part and one for the sum."""
    torch.manual_seed(1)
    x, down, up, weight, bias = (
        torch.randn(size).bfloat16() for size in ((512, 64), (4, 64), (96, 4), (96, 64), (96,))
    )
    gradient = torch.randn(512, 96).bfloat16()

    def of(form, dtype):
        mine = leaves(*(t.to(dtype) for t in (x, down, up)))
        form(*mine, weight.to(dtype), bias.to(dtype)).backward(gradient.to(dtype))
        return [t.grad.double() for t in mine]

    exact = of(apart, torch.float64)
    two, one = of(apart, torch.bfloat16), of(lambda a, b, c, *w: low_rank.linear(a, lambda *_: w, b, c), torch.bfloat16)
    for reference, before, now in zip(exact, two, one, strict=True):
        assert (now - reference).norm() <= 1.01 * (before - reference).norm() < 0.02 * reference.norm()


def test_weights_are_fetched_and_not_kept():
    """Once in each pass, in the arithmetic's format; in the backward pass only if the input needs a gradient."""
    x, down, up, weight, bias = made(torch.float32)
    stored, asked = weight.bfloat16(), []

    def fetch(dtype, device):
        asked.append((dtype, device.type))
        return stored.to(dtype), bias

    for needed, times in ((True, 2), (False, 1)):
        asked.clear()
        mine = leaves(down, up)
        with saved.counted() as kept:
            out = low_rank.linear(x.clone().requires_grad_(needed), fetch, *mine)
        out.sum().backward()
        assert asked == [(torch.float32, "cpu")] * times
        assert kept.bytes == 4 * (12 * 10 + needed * 3 * 10 + 7 * 3 + 12 * 3)  # x, down, up, and between down and up
