"""Rotary embeddings while a model is trained: the host's kernel, with a backward pass."""

import pytest
import saved
import torch
from family_cases import CASES, load, samples
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

pytestmark = pytest.mark.usefixtures("comfy")


def frequencies(tokens, width, axis=2, batch=1):
    """As the host makes them: (batch, 1, tokens, width / 2, 2, 2) float32, or with the tokens in axis 1."""
    import comfy.ldm.flux.math

    ids = torch.arange(batch * tokens).float().view(batch, tokens)
    return comfy.ldm.flux.math.rope(ids, width, 10000).unsqueeze(3 - axis)


def laid_out(kind, dtype):
    """(tensor, frequencies) in a layout that a family has."""
    torch.manual_seed(0)
    if kind == "heads first":  # Flux, Chroma, Qwen-Image
        return torch.randn(2, 3, 10, 16, dtype=dtype), frequencies(10, 16)
    if kind == "tokens first":  # Lumina 2, HiDream, Wan
        return torch.randn(2, 10, 3, 16, dtype=dtype), frequencies(10, 16, axis=1)
    if kind == "positions of each sample":
        return torch.randn(2, 3, 10, 16, dtype=dtype), frequencies(10, 16, batch=2)
    if kind == "more positions than tokens":
        return torch.randn(2, 3, 10, 16, dtype=dtype), frequencies(13, 16)
    if kind == "transposed":
        return torch.randn(2, 10, 3, 16, dtype=dtype).transpose(1, 2), frequencies(10, 16)
    if kind == "a part":  # HiDream turns half of the width, Lumina 2 a part of one product
        return torch.randn(2, 3, 10, 40, dtype=dtype)[..., 8:24], frequencies(10, 16)
    raise KeyError(kind)


KINDS = [
    "heads first",
    "tokens first",
    "positions of each sample",
    "more positions than tokens",
    "transposed",
    "a part",
]


def both_ways(x, freqs, spread):
    """(output, gradient) by the host's chain, and by ours; `spread`: the gradient is a number seen as a tensor."""
    import comfy.ldm.flux.math
    from athanor.training_core.host import rotary

    gradient = torch.ones((), dtype=x.dtype).expand(x.shape) if spread else torch.randn_like(x)
    found = []
    for way in (comfy.ldm.flux.math._apply_rope1, rotary.turn):
        leaf = x.detach().requires_grad_(True)
        out = way(leaf, freqs)
        found.append((out, *torch.autograd.grad(out, leaf, gradient)))
    return found


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_equal_to_the_hosts_chain(dtype, kind, spread):
    """The output to the bit, the gradient to the rounding of one sum; and the output is what the host samples with."""
    from comfy.quant_ops import ck

    x, freqs = laid_out(kind, dtype)
    (plain, wanted), (out, found) = both_ways(x, freqs, spread)
    assert torch.equal(out, plain) and torch.equal(out, ck.apply_rope1(x, freqs))
    assert out.dtype == found.dtype == dtype and found.shape == x.shape
    assert torch.allclose(found, wanted, rtol=2 * torch.finfo(dtype).eps, atol=1e-6)


def test_frequencies_in_the_format_of_the_model():
    """Qwen-Image casts them to bfloat16, in which the rotation is then computed."""
    x, freqs = laid_out("heads first", torch.bfloat16)
    (plain, wanted), (out, found) = both_ways(x, freqs.bfloat16(), False)
    assert torch.equal(out, plain) and torch.allclose(found, wanted, rtol=0.01, atol=0.02)


@pytest.fixture
def exact(monkeypatch):
    """The host takes no float64; what it computes on a CPU would do."""
    from athanor.training_core.host import rotary
    from comfy_kitchen.backends.eager import rope

    for name in rotary.KERNELS:
        monkeypatch.setitem(rotary.KERNELS, name, getattr(rope, name))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(exact, kind):
    from athanor.training_core.host import rotary

    x, freqs = laid_out(kind, torch.float64)
    freqs = freqs[..., :2, :, :].double()
    q, k = (t.detach().requires_grad_(True) for t in (x[..., :4], x[..., 4:8]))
    assert torch.autograd.gradcheck(lambda t: rotary.turn(t, freqs), q)
    assert torch.autograd.gradcheck(lambda *both: rotary.turn_both(*both, freqs), (q, k))


@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_the_chain_in_float64(exact, kind):
    x, freqs = laid_out(kind, torch.float64)
    (plain, wanted), (out, found) = both_ways(x, freqs.double(), False)
    assert torch.equal(out, plain) and torch.allclose(found, wanted, rtol=1e-14, atol=1e-14)


def test_a_query_and_a_key_of_different_sizes():
    """Grouped attention has fewer keys; one of the two may need no gradient."""
    from athanor.training_core.host import rotary

    freqs = frequencies(10, 16, axis=1)
    q, k = torch.randn(2, 10, 4, 16, requires_grad=True), torch.randn(2, 10, 2, 16)
    one, two = rotary.turn_both(q, k, freqs)
    assert torch.equal(one, rotary.turn(q, freqs)) and torch.equal(two, rotary.turn(k, freqs))
    (one.square().sum() + two.sum()).backward()
    assert torch.allclose(q.grad, 2 * q, atol=1e-5) and k.grad is None  # lengths stay


KITCHEN = [
    f"{norm}rope{halves}{one}" for norm in ("apply_", "rms_") for halves in ("", "_split_half") for one in ("1", "")
]
"""Functions of comfy_kitchen that ComfyUI's models call, and with an underscore the same in place."""


def arguments(name, dtype):
    """(the tensors that are turned, what the function takes behind them)."""
    x, freqs = laid_out("tokens first", dtype)
    tensors = (x,) if "1" in name else (x, x[:, :, :1].flip(3))  # of grouped attention: fewer keys
    scales = [torch.linspace(0.5, 2, 16, dtype=dtype) * n for n in range(1, 1 + len(tensors))]
    if name.startswith("apply_"):
        return tensors, (freqs.double() if dtype is torch.float64 else freqs,)
    return tensors, (freqs.double() if dtype is torch.float64 else freqs, *scales, 1e-5)


def computed(function, tensors, rest, **named):
    """(outputs, gradients)."""
    leaves = [x.detach().clone().requires_grad_(True) for x in tensors]
    outputs = function(*(1 * leaf for leaf in leaves), *rest, **named)  # in place a leaf cannot be turned
    outputs = (outputs,) if torch.is_tensor(outputs) else tuple(outputs)
    return outputs, torch.autograd.grad([(out * (1 + out)).sum() for out in outputs], leaves)


@pytest.mark.parametrize("in_place", ["", "_"])
@pytest.mark.parametrize("name", KITCHEN)
def test_every_kernel_of_the_host_has_a_backward_pass(name, in_place):
    """The output to the bit what the host samples with, the gradient that of its plain formula."""
    import comfy_kitchen
    from athanor.training_core.host import guard
    from comfy_kitchen.backends.eager import rope

    own = getattr(comfy_kitchen, name + in_place)
    tensors, rest = arguments(name, torch.float32)
    expected = own(*(x.clone() for x in tensors), *rest)
    with guard.training():
        stand_in = getattr(comfy_kitchen, name + in_place)
        outputs, gradients = computed(stand_in, tensors, rest)
        _, wanted = computed(getattr(rope, name), tensors, rest)
        with torch.no_grad():
            written = [x.clone() for x in tensors]
            stand_in(*written, *rest)
    assert getattr(comfy_kitchen, name + in_place) is own is not stand_in
    for out, same in zip(outputs, (expected,) if torch.is_tensor(expected) else expected, strict=True):
        assert torch.equal(out, same)
    for found, same in zip(gradients, wanted, strict=True):
        assert torch.allclose(found, same, rtol=1e-5, atol=1e-5)
    for out, x, same in zip(outputs, tensors, written, strict=True):
        assert torch.equal(same, out if in_place else x)


def test_compiled_a_kernel_is_the_same():
    """The one that has all parts of the others."""
    from athanor.training_core.host import rotary

    tensors, rest = arguments("rms_rope_split_half", torch.float32)
    plain = rotary._plain("rms_rope_split_half")
    compiled = torch.compile(plain, backend="aot_eager", fullgraph=True)
    found = [computed(lambda q, k, *others: way((q, k), *others), tensors, rest) for way in (plain, compiled)]  # noqa: B023
    torch._dynamo.reset()
    for one, two in zip(*(outputs + gradients for outputs, gradients in found), strict=True):
        assert torch.allclose(one, two, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", KITCHEN)
def test_kernels_gradients_are_those_of_finite_differences(exact, name):
    """Of RMSNorm's weights too, as a whole model is trained with them; and where a part of the width alone is turned."""
    from athanor.training_core.host import rotary

    tensors, rest = arguments(name, torch.float64)
    tensors = [x[:1, :3].clone().requires_grad_(True) for x in tensors]
    freqs, *others = rest[0][:, :3], *rest[1:]
    scales = [x.requires_grad_(True) for x in others if torch.is_tensor(x)]
    plain = rotary._stand_in(name)
    assert torch.autograd.gradcheck(
        lambda *xs: plain(*xs[: len(tensors)], freqs, *xs[len(tensors) :]), (*tensors, *scales), fast_mode=True
    )
    if name == "rms_rope_split_half":
        partly = freqs[..., :4, :, :]
        assert torch.autograd.gradcheck(lambda q, k: plain(q, k, partly, scales[0], rot_dim=8), tensors, fast_mode=True)
        kernel = rotary.KERNELS[name]
        for one, two in zip(
            plain(*tensors, partly, *scales, rot_dim=8), kernel(*tensors, partly, *scales, rot_dim=8), strict=True
        ):
            assert torch.equal(one, two)


class Counted(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if not function.is_view:
            self.names.append(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


def test_one_operation_each_way_and_nothing_kept():
    from athanor.training_core.host import rotary

    freqs = frequencies(10, 16)
    q, k = (torch.randn(2, 3, 10, 16, dtype=torch.bfloat16, requires_grad=True) for _ in range(2))
    with Counted() as counted:
        with saved.counted() as kept:
            one, two = rotary.turn_both(q, k, freqs)
        torch.autograd.backward((one, two), (q.detach(), k.detach()))
    assert counted.names == ["apply_rope", "apply_rope"]
    assert kept.bytes == freqs.untyped_storage().nbytes()


def test_computed_again_it_is_the_same():
    from athanor.training_core.host import rotary

    x, freqs = laid_out("heads first", torch.float32)
    x.requires_grad_(True)
    turned = checkpoint(lambda t: rotary.turn(t, freqs).square(), x, use_reentrant=False)
    (again,) = torch.autograd.grad(turned.sum(), x)
    (once,) = torch.autograd.grad(rotary.turn(x, freqs).square().sum(), x)
    assert torch.equal(again, once)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiled_it_is_the_same(dtype):
    """In one graph, and without a recompilation for another pair of tensors."""
    from athanor.training_core.host import guard

    x, freqs = laid_out("transposed", dtype)
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return torch._dynamo.lookup_backend("aot_eager")(graph, inputs)

    def both(q, k):
        import comfy.ldm.flux.math

        q, k = comfy.ldm.flux.math.apply_rope(q, k, freqs)
        return comfy.ldm.flux.math.apply_rope1(q * k, freqs)

    found = []
    with guard.training():
        for way in (both, torch.compile(both, backend=backend, fullgraph=True)):
            q, k = x.detach().requires_grad_(True), x.flip(2).requires_grad_(True)
            out = way(q, k)
            found.append((out, *torch.autograd.grad(out.square().sum(), (q, k))))
    torch._dynamo.reset()
    assert len(graphs) == 1
    for one, two in zip(*found, strict=True):
        assert torch.allclose(one, two, rtol=0.02 if dtype is torch.bfloat16 else 1e-5, atol=1e-5)


def test_only_while_a_model_is_trained():
    """Afterwards the host's own functions are in their places, also after an error; samples go by the host's kernel."""
    import comfy.ldm.flux.math as host
    import comfy_kitchen
    from athanor.training_core.host import guard, rotary
    from athanor.training_core.host.model import trainable
    from athanor.training_core.host.sampling import interlude

    before = host._apply_rope1, host._apply_rope
    with pytest.raises(ZeroDivisionError), guard.training():
        assert (host._apply_rope1, host._apply_rope) == (rotary.turn, rotary.turn_both)
        raise ZeroDivisionError
    assert (host._apply_rope1, host._apply_rope) == before
    assert all(getattr(comfy_kitchen, name) is kernel for name, kernel in rotary.KERNELS.items())

    case, model = CASES["flux_dev"], load("flux_dev")
    latents, texts, geometry = samples(case)
    with guard.training(), trainable(model, "auto") as host_model, torch.no_grad():
        batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
        ((_, conds),) = batch.groups()
        with interlude(host_model), pytest.MonkeyPatch.context() as patch:
            for unused in (rotary._Turn, "apply"), (host, "_apply_rope1"), (host, "_apply_rope"):
                patch.setattr(*unused, None)
            host_model.patcher.model.apply_model(latents[:1], torch.tensor([0.5]), **conds)
