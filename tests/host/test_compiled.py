"""Compiled blocks: the same values, one graph for each kind and shape, the model as before afterwards."""

import pytest
import torch
from one_step import step, training
from test_families import CASES, load, samples

pytestmark = pytest.mark.usefixtures("comfy")


def shapes(model, found):
    """Note what each block is called with, (kind, shapes of its tensors, which of them need gradients)."""
    from athanor.training_core.host import swap

    def note(block, args, kwargs):
        tensors = [v for v in (*args, *kwargs.values()) if isinstance(v, torch.Tensor)]
        found.add((type(block).__name__, *((tuple(t.shape), t.requires_grad) for t in tensors)))

    return [b.register_forward_pre_hook(note, with_kwargs=True) for b in swap.transformer_blocks(model)]


@pytest.mark.parametrize(("name", "algo", "backend"), [("sd15", "lora", "eager"), ("sd3", "lokr", "aot_eager")])
def test_one_graph_for_each_kind_and_shape(name, algo, backend):
    """SD1.5 has 16 blocks of four sizes; losses and gradients are those of the plain model."""
    from athanor.training_core.host import compiled, swap
    from athanor.training_core.settings import NetworkSettings

    torch.set_num_threads(1)
    model, seen = load(name), set()
    inputs = samples(CASES[name])
    with training(model, NetworkSettings(algo=algo, rank=2, alpha=1.0)) as (host_model, made):
        module = host_model.diffusion_model
        before = {n: set(m.__dict__) for n, m in module.named_modules()}
        plain = step(host_model, made, *inputs)
        hooks = shapes(module, seen)
        with compiled.compiled(module, backend) as found:
            for _ in range(2):
                with made.formed(torch.float32):
                    assert step(host_model, made, *inputs).differs_from(plain) < 1e-5
        for hook in hooks:
            hook.remove()
        assert {n: set(m.__dict__) for n, m in module.named_modules()} == before
        blocks = len(swap.transformer_blocks(module))
    assert not found.reason and list(found.said()) == []
    assert sum(found.graphs.values()) == len(seen) == 4
    assert blocks == {"sd15": 16, "sd3": 2}[name]


@pytest.mark.parametrize("failure", ["inductor", "patched"])
def test_what_cannot_be_compiled_runs_as_usual_and_is_told(failure):
    """A compiler that is missing; blocks that the graph has patched."""
    from athanor.training_core.host import compiled

    model = load("sd3")

    def broken(graph, inputs):
        raise torch._inductor.exc.InvalidCxxCompiler

    inputs = samples(CASES["sd3"])
    with training(model) as (host_model, made):
        plain = step(host_model, made, *inputs)
        torch._dynamo.register_backend(broken, name="athanor_broken")
        try:
            with compiled.compiled(host_model.diffusion_model, "athanor_broken") as found:
                if failure == "patched":
                    host_model._options["patches"] = {"attn1_patch": [lambda *args: args]}
                seen = step(host_model, made, *inputs)
        finally:
            torch._dynamo.backends.registry._COMPILER_FNS.pop("athanor_broken", None)
    assert seen.differs_from(plain) == 0
    (told,) = found.said()
    why = "there is no C++ compiler" if failure == "inductor" else "the graph has patched its blocks"
    assert told.startswith(f"torch_compile: the model's blocks cannot be compiled here ({why}")
    assert list(found.said()) == []
