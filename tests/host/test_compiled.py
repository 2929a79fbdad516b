"""Compiled blocks: the same values, one graph for all sizes of pictures and captions, kept for the next run."""

import dataclasses
import gc
import logging
import weakref

import pytest
import torch
from family_cases import CASES, load, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")


@pytest.fixture(autouse=True)
def nothing_kept():
    """Graphs of other tests do not count."""
    from athanor.training_core.host import compiled

    torch._dynamo.reset()
    compiled._counting.cache_clear()
    yield
    torch._dynamo.reset()
    compiled._counting.cache_clear()


@pytest.fixture
def backend():
    """Makes a function known as a backend of torch.compile, for as long as the test lasts."""
    made = []

    def register(compiler):
        torch._dynamo.register_backend(compiler, name=f"athanor_{compiler.__name__}")
        made.append(f"athanor_{compiler.__name__}")
        return made[-1]

    yield register
    for name in made:
        torch._dynamo.backends.registry._COMPILER_FNS.pop(name, None)
        torch._dynamo.backends.registry._BACKENDS.pop(name, None)


def batches(name, more):
    """The family's two samples, and those with `more` latents and tokens; captions differ in length, so that SD3 and Flux have a
    forward for each.
    """
    case = CASES[name]
    yield samples(case)
    tokens = tuple(n + more * case.tokens[0] for n in case.tokens)
    yield samples(dataclasses.replace(case, size=case.size + 8 * more, tokens=tokens))


def values(model, **options):
    """`training` with a rank of 2, alpha 1."""
    from athanor.training_core.settings import NetworkSettings

    algo = options.pop("algo", "lora")
    return training(model, NetworkSettings(algo=algo, rank=2, alpha=1.0), **options)


GRAPHS = {
    "sd15": {"BasicTransformerBlock": 1},
    "sdxl": {"BasicTransformerBlock": 1},
    "sd3": {"JointBlock": 2},  # the first block's input needs no gradient
    "flux_dev": {"DoubleStreamBlock": 2, "SingleStreamBlock": 1},
    "anima": {"Block": 2},
}


@pytest.mark.parametrize(
    ("name", "algo", "checkpointing"),
    [
        pytest.param("sd15", "lora", "off", marks=pytest.mark.long),
        pytest.param("sd3", "lokr", "all", marks=pytest.mark.long),
        # What is compiled and let go of again is counted below, with fewer sizes.
        pytest.param("flux_dev", "lora", "part", marks=pytest.mark.long),
        pytest.param("sdxl", "lora", "off", marks=pytest.mark.long),
        pytest.param("anima", "lora", "all", marks=pytest.mark.long),
    ],
)
def test_one_graph_for_all_sizes_of_pictures_and_captions(name, algo, checkpointing):
    """Of all blocks of SD1.5 and SDXL; losses and gradients are those of the plain model, and the next run
    of the process, with other weights, compiles nothing. Cut into forward and backward as inductor does it.
    """
    from athanor.training_core.host import compiled

    model = load(name)
    inputs = list(batches(name, 1))
    for run in range(2):
        with values(model, algo=algo) as (host_model, made):
            module = host_model.diffusion_model
            with torch.no_grad():
                for value in (*module.parameters(), *made.parameters()):
                    value *= 1 + 0.1 * run
            step(host_model, made, *inputs[0])  # Anima's forward keeps its last inputs
            before = {n: set(m.__dict__) for n, m in module.named_modules()}
            plain = [step(host_model, made, *some) for some in inputs]
            with (
                compiled.compiled(module, "aot_eager_decomp_partition") as found,
                host_model.checkpointed(checkpointing),
            ):
                for some, wanted in zip(inputs, plain, strict=True):
                    with made.formed(torch.float32):
                        assert step(host_model, made, *some).differs_from(wanted) < 2e-5
            assert {n: set(m.__dict__) for n, m in module.named_modules()} == before
        assert not found.reason and list(found.warnings()) == []
        assert found.graphs == ({} if run else GRAPHS[name])


def test_nothing_of_a_run_is_held_by_its_graphs():
    """They are there for the next run, the model and the network are not."""
    from athanor.training_core.host import compiled

    model = load("sd3")
    with values(model) as (host_model, made):
        with compiled.compiled(host_model.diffusion_model, "aot_eager") as found:
            step(host_model, made, *samples(CASES["sd3"]))
        assert found.graphs.total() == 2
        gone = [weakref.ref(thing) for thing in (host_model.patcher.model, made, next(made.parameters()))]
    import comfy.model_management

    comfy.model_management.unload_all_models()
    del model, host_model, made, found
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3
    model = load("sd3")
    with values(model) as (host_model, made), compiled.compiled(host_model.diffusion_model, "aot_eager") as found:
        step(host_model, made, *samples(CASES["sd3"]))
    assert found.graphs == {}


@pytest.mark.long
def test_a_base_of_8_bits_is_not_kept_as_it_is_cast():
    """A graph sees that both passes cast the same weight, and would keep what the first one made: the model a second time."""
    import comfy.sd
    import tiny
    from athanor.training_core.host import compiled

    with torch.inference_mode():
        model = comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": torch.float8_e4m3fn})
    inputs = tuple(some[:1] for some in samples(CASES["sd3"]))
    with values(model, precision="no") as (host_model, made):
        plain = step(host_model, made, *inputs)
        with (
            compiled.compiled(host_model.diffusion_model, "aot_eager_decomp_partition") as found,
            made.formed(torch.float32),
        ):
            seen = step(host_model, made, *inputs)
    assert not found.reason and seen.differs_from(plain) < 1e-5
    assert seen.kept <= plain.kept


def test_graphs_of_earlier_runs_are_dropped_when_they_are_many():
    from athanor.training_core.host import compiled

    counting = compiled._counting("eager")

    def graphs():
        """Run something compiled by this backend; graphs that it made."""
        before = counting.graphs.total()
        torch.compile(torch.sin, backend=counting)(torch.ones(2))
        return counting.graphs.total() - before

    assert [graphs(), graphs()] == [1, 0]
    counting.graphs["JointBlock"] += compiled.MAX_KEPT_GRAPHS - 1
    compiled.Compiled("eager")
    assert graphs() == 0
    counting.graphs["JointBlock"] += 1
    assert compiled.Compiled("eager").graphs.total() == 0
    assert graphs() == 1


@pytest.mark.long
@pytest.mark.parametrize("name", ["pixart_alpha", "hidream_o1"])
def test_blocks_that_ask_for_attention_in_their_own_way_can_be_compiled(name):
    """What was to be logged cut their graphs."""
    from athanor.training_core.host import compiled

    with (
        values(load(name)) as (host_model, made),
        compiled.compiled(host_model.diffusion_model, "eager") as found,
    ):
        assert step(host_model, made, *samples(CASES[name])).gradients
    assert not found.reason and list(found.warnings()) == []


def test_attention_that_would_log_does_not_cut_a_graph():
    from athanor.training_core.host.attention import Attention
    from comfy.ldm.modules.attention import attention_basic

    q, ours = torch.randn(1, 4, 6), Attention()
    whole = torch.compile(lambda q: ours(attention_basic, q, q, q, 2), backend="eager", fullgraph=True)
    assert torch.allclose(whole(q), attention_basic(q, q, q, 2), atol=1e-5)


@pytest.mark.long
def test_what_cannot_be_compiled_for_all_sizes_is_compiled_for_each(backend, caplog):
    """As today's torch may refuse: the backward pass, which it tries last."""
    from athanor.training_core.host import compiled

    def static_only(graph, inputs):
        def backward(graph, inputs):
            if any(isinstance(value, torch.SymInt) for value in inputs):
                raise torch._inductor.exc.InductorError(ValueError("no backward pass for all sizes"))
            return torch._dynamo.backends.debugging.boxed_nop(graph, inputs)

        forward = torch._dynamo.backends.debugging.boxed_nop
        return torch._dynamo.backends.common.aot_autograd(fw_compiler=forward, bw_compiler=backward)(graph, inputs)

    model = load("sd3")
    inputs = [tuple(values[:1] for values in some) for some in batches("sd3", 1)]
    with values(model) as (host_model, made):
        plain = [step(host_model, made, *some) for some in inputs]
        with (
            caplog.at_level(logging.INFO, "athanor"),
            compiled.compiled(host_model.diffusion_model, backend(static_only)) as found,
        ):
            for some, wanted in zip(inputs, plain, strict=True):
                assert step(host_model, made, *some).differs_from(wanted) < 1e-5
    assert not found.reason and list(found.warnings()) == []
    assert found.graphs["JointBlock"] == 1 + 2 * 2  # the refused one; blocks and sizes
    assert sum("torch_compile compiles each input size separately" in m for m in caplog.messages) == 1


@pytest.mark.parametrize("failure", ["inductor", "patched"])
def test_what_cannot_be_compiled_runs_as_usual_and_is_told(failure, backend):
    """A compiler that is missing; blocks that the graph has patched."""
    from athanor.training_core.host import compiled

    model = load("sd3")

    def broken(graph, inputs):
        raise torch._inductor.exc.InvalidCxxCompiler

    inputs = samples(CASES["sd3"])
    with training(model) as (host_model, made):
        plain = step(host_model, made, *inputs)
        with compiled.compiled(host_model.diffusion_model, backend(broken)) as found:
            if failure == "patched":
                host_model._options["patches"] = {"attn1_patch": [lambda *args: args]}
            seen = step(host_model, made, *inputs)
    assert seen.differs_from(plain) == 0
    (told,) = found.warnings()
    why = "there is no C++ compiler" if failure == "inductor" else "the graph has patched its blocks"
    assert told.startswith(f"torch_compile has no effect: the model's blocks cannot be compiled ({why}")
    assert list(found.warnings()) == []


@pytest.mark.parametrize("where", ["compiling", "running"])
def test_memory_that_is_full_is_no_failure_to_compile(where, backend):
    """The step is tried again with fewer pictures (`OomSplitter`), the blocks stay compiled."""
    import comfy.model_management
    from athanor.training_core.host import compiled

    def full(graph, inputs):
        def run(*_args):
            raise comfy.model_management.OOM_EXCEPTION("out of memory")

        return run() if where == "compiling" else run

    model = load("sd3")
    with values(model) as (host_model, made), compiled.compiled(host_model.diffusion_model, backend(full)) as found:
        with pytest.raises(comfy.model_management.OOM_EXCEPTION):
            step(host_model, made, *samples(CASES["sd3"]))
        assert not found.reason
