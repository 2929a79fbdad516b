"""LoRA on the host's linear layers: one operation where the base is a plain product, LyCORIS' values and gradients always."""

import contextlib

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")

X = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(3))
ONE = {"as it is", "without a bias", "cast from bf16", "cast from fp8", "patched weight"}
APART = {"patched bias", "patched forward", "scaled input", "trained", "another class of layers"}


class SpatialTransformer(torch.nn.Module):
    __module__ = "comfy.ldm.modules.attention"  # classes are known by their module, too
    """A block of two of the host's layers, by a name that presets know."""

    def __init__(self, kind: str) -> None:
        import comfy.ops

        super().__init__()
        ops = comfy.ops.fp8_ops if kind == "another class of layers" else comfy.ops.manual_cast
        self.first = ops.Linear(12, 8, bias=kind != "without a bias")
        self.second = ops.Linear(8, 6)
        generator = torch.Generator().manual_seed(0)
        for p in self.requires_grad_(False).parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.5)

    def forward(self, x):
        return self.second(torch.nn.functional.silu(self.first(x)))


def block(kind, dtype):
    made = SpatialTransformer(kind).to(dtype)
    first = made.first
    if kind.startswith("cast from"):
        first.to({"bf16": torch.bfloat16, "fp8": torch.float8_e4m3fn}[kind.split()[-1]])
    if kind == "patched weight":
        first.weight_function = [lambda weight: weight * 2]
    if kind == "patched bias":
        first.bias_function = [lambda bias: bias + 1]
    if kind == "patched forward":
        plain = first.forward
        first.forward = lambda x: plain(x) * 2
    if kind == "scaled input":
        first.pre_quant_scale = torch.full((12,), 2.0)
    if kind == "trained":
        first.requires_grad_(True)
    return made


@contextlib.contextmanager
def networked(kind, dtype, lean=True):
    """(block, network, inputs of what was one operation)."""
    from athanor.training_core.host import frozen
    from athanor.training_core.network import build, low_rank
    from athanor.training_core.settings import NetworkSettings

    made, seen, one = block(kind, dtype), [], low_rank.linear
    with pytest.MonkeyPatch.context() as patch, frozen.recompute_weights(made):
        patch.setattr(low_rank, "linear", lambda x, *others: seen.append(x.shape) or one(x, *others))
        if not lean:
            patch.setattr(build, "lean_forward", lambda _lora: None)
        parts = [build.Part(torch.nn.Sequential(made))]
        settings = NetworkSettings(rank=2, alpha=3.0, preset="full")
        with build.attached(parts, settings, 0, torch.device("cpu"), dtype) as network:
            with torch.no_grad():
                for i, p in enumerate(network.parameters()):
                    p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(i)) * 0.3)
            yield made, network, seen


def results(kind, dtype, lean=True, formed=False, again=False, micro=1):
    """Output, gradients of the input and of what is trained, and the inputs of what was one operation."""
    with networked(kind, dtype, lean) as (made, network, seen):
        x = X.to(dtype, copy=True).requires_grad_(True)
        with network.formed(dtype) if formed else contextlib.nullcontext():
            outs = [
                torch.utils.checkpoint.checkpoint(made, part, use_reentrant=False) if again else made(part)
                for part in x.chunk(micro)
            ]
            torch.autograd.backward([out.square().sum() for out in outs])
        trained = [p for p in (*network.parameters(), *made.parameters()) if p.requires_grad]
        return [torch.cat(outs).detach(), x.grad, *(p.grad for p in trained)], seen


def same(ones, others, limit):
    for one, other in zip(ones, others, strict=True):
        assert (one.double() - other.double()).norm() <= limit * other.double().norm() > 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", sorted(ONE | APART))
def test_equal_to_lycoris(kind, dtype):
    wanted, _ = results(kind, dtype, lean=False)
    found, seen = results(kind, dtype)
    same(found, wanted, {torch.float64: 1e-13, torch.float32: 1e-6, torch.bfloat16: 0.015}[dtype])
    cast = kind == "cast from bf16" and dtype is torch.bfloat16  # none then
    assert ((10, 12) in seen) is (kind in ONE or cast)
    assert ((10, 8) in seen) is (kind != "another class of layers")


@pytest.mark.parametrize("kind", ["as it is", "cast from bf16"])
def test_computed_again_and_in_parts(kind):
    """Gradient checkpointing, factors made at once, and micro-batches whose gradients add up."""
    plain, _ = results(kind, torch.float32)
    for how in ({"again": True}, {"formed": True}, {"formed": True, "again": True}, {"micro": 2, "formed": True}):
        found, seen = results(kind, torch.float32, **how)
        same(found, plain, 1e-6)
        assert len(seen) == 2 * how.get("micro", 1) * (1 + how.get("again", False))


def test_compiled_in_one_graph():
    """There it is the plain form, which the compiler joins; nothing of what is around it cuts the graph."""
    plain, _ = results("as it is", torch.float32)
    with networked("as it is", torch.float32) as (made, network, seen):
        x = X.clone().requires_grad_(True)
        out = torch.compile(made, backend="aot_eager", fullgraph=True)(x)
        out.square().sum().backward()
        torch._dynamo.reset()
        same([out.detach(), x.grad, *(p.grad for p in network.parameters())], plain, 1e-6)
    assert seen == []


def test_layers_are_as_before():
    made = block("as it is", torch.float32)
    before = {name: set(m.__dict__) for name, m in made.named_modules()}
    with networked("as it is", torch.float32):
        pass
    assert {name: set(m.__dict__) for name, m in made.named_modules()} == before
