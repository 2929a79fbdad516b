"""Models whose weights another pack keeps in a form of its own (GGUF): trained as the model of the same numbers would be."""

from __future__ import annotations

import contextlib
import hashlib
import types

import cards
import numpy as np
import packing
import pytest
import torch
from card_models import drawn, load, trained, unload, untouched
from family_cases import CASES, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

FAMILIES = ["sd3", "flux_dev"]


def packed(name="sd3"):
    with torch.inference_mode():
        return packing.packed(load(name))


def plain(name="sd3"):
    with torch.inference_mode():
        return packing.numbers(load(name))


def network(**changes):
    from athanor.training_core.settings import NetworkSettings

    return NetworkSettings(**{"rank": 8, "alpha": 8.0, "preset": "full"} | changes)


@pytest.mark.parametrize("how", ["plain", "moving", "dynamic"])
@pytest.mark.parametrize("name", FAMILIES)
def test_trained_as_its_numbers(name, how):
    """To the bit, and nothing of the unpacked weights is kept; the model is as before."""
    case = CASES[name]
    want = trained(plain(name), case)
    with contextlib.ExitStack() as stack:
        if how == "dynamic":
            stack.enter_context(cards.dynamic())
        model = packed(name)
        assert not model.is_dynamic() and any(map(packing.quantised, model.model.parameters()))
        if how != "plain":
            stack.enter_context(cards.moving())
        with untouched(model, case):
            found = trained(model, case)
    assert found.differs_from(want) == 0 and found.kept == want.kept


ALGOS = [
    *({"algo": algo} for algo in ("lora", "loha", "lokr", "glora", "diag-oft", "boft", "ia3", "dylora")),
    *({"algo": algo, "dora": True, "wd_on_output": rows} for algo in ("lora", "lokr") for rows in (True, False)),
    {"train_norm": True},
    {"rank_dropout": 0.2},
]


@pytest.fixture(scope="module")
def both():
    return plain(), packed()


@pytest.mark.parametrize("changes", ALGOS, ids=str)
def test_every_algorithm(both, changes):
    """Those that need the layers' weights get them unpacked; the file is applied by the stock loader exactly."""
    from athanor.training_core.host import selfcheck
    from athanor.training_core.network import files, portable, table

    found = []
    for model in both:
        with training(model, network(**changes)) as (host_model, made):
            taken = step(host_model, made, *samples(CASES["sd3"]))
            check = selfcheck.Check(host_model.patcher.model)
            verdict = check(made, files.tensors_for_file(portable.state(made), "float", made.renames()))
            found.append((taken, verdict, table.table(made)))
    (want, fine, size), (got, verdict, same) = found
    assert got.differs_from(want) == 0 and same == size
    assert verdict == fine and not verdict.trouble("float")


@pytest.mark.parametrize(
    "options",
    [
        {"blocks_to_swap": 1},
        {"blocks_to_swap": 2, "gradient_checkpointing": "all"},
        {"gradient_checkpointing": "part"},
        {"precision": "bf16", "blocks_to_swap": 1},
    ],
    ids=str,
)
def test_memory(both, options):
    """Packed weights go to and fro as they are, and are unpacked where they are used."""
    want, got = (trained(model, CASES["sd3"], **options) for model in both)
    assert got.differs_from(want) == 0 and got.kept == want.kept


@pytest.mark.long
def test_compiled(both, monkeypatch):
    from athanor.training_core.host import compiled

    monkeypatch.setattr(compiled, "BACKEND", "eager")
    want, got = (trained(model, CASES["sd3"], torch_compile=True) for model in both)
    assert got.differs_from(want) < 1e-5


@pytest.mark.parametrize("how", ["plain", "moving"])
@pytest.mark.parametrize("options", [{}, {"blocks_to_swap": 2}], ids=str)
def test_a_lora_in_front(how, options):
    """Its loader keeps the patches beside the weights; they count in training and in the check of a file."""
    case, found = CASES["sd3"], []
    for model in (plain(), packed()):
        key = next(n for n, _ in model.model.named_parameters() if n.endswith("x_block.attn.qkv.weight"))
        change = torch.randn(384, 128, generator=torch.Generator().manual_seed(5))
        with torch.inference_mode():
            model = model.clone()
            assert model.add_patches({key: (0.1 * change,)}, 0.5)
        with contextlib.ExitStack() as stack:
            if how == "moving":
                stack.enter_context(cards.moving())
            with untouched(model, case):
                taken = trained(model, case, **options)
            found.append((taken, drawn(model, case)))
            unload()
    (want, picture), (got, same) = found
    assert got.differs_from(want) < 1e-5 and torch.allclose(same, picture, atol=1e-4)
    assert got.loss != trained(packed(), case).loss


def test_merged_models():
    """By the stock nodes, of a packed model with a plain one; what training sees is what is drawn with."""
    from comfy_extras.nodes_model_merging import ModelMergeSimple

    case, found = CASES["sd3"], []
    for model in (plain(), packed()):
        with torch.inference_mode():
            other = load("sd3")
            for value in other.model.parameters():
                value.mul_(1.1)
            (merged,) = ModelMergeSimple().merge(model, other, 0.3)
        assert merged.patches
        with cards.moving(), untouched(merged, case):
            found.append(trained(merged, case))
    want, got = found
    assert got.differs_from(want) < 1e-5 and got.loss != trained(packed(), case).loss


def test_what_would_change_the_weights_is_refused():
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.network import finetune

    model = packed()
    with pytest.raises(AthanorError, match=r"algo full needs a model in fp32.*packed.*choose lora or lokr"):
        training(model, network(algo="full")).__enter__()
    unload()
    with pytest.raises(AthanorError, match=r"algo finetune needs a model in fp32.*packed.*train a LoRA"):
        finetune.chosen(model.model.diffusion_model, network(algo="finetune"))


def test_a_class_that_only_names_floats_is_as_good_as_none():
    """GGUF's F16 and F32 tensors, which a model with dynamic VRAM keeps: they can be trained themselves."""
    from athanor.training_core.network import finetune

    results = []
    with torch.inference_mode():
        floats = load("sd3")
        for name, value in floats.model.named_parameters():
            owner, _, attribute = name.rpartition(".")
            kept = torch.nn.Parameter(packing.Packed.named(value), requires_grad=False)
            floats.model.get_submodule(owner)._parameters[attribute] = kept
    for settings in ({"algo": "full"}, {}):
        want, got = (trained(m, CASES["sd3"], network=network(**settings)) for m in (load("sd3"), floats))
        results.append(got.differs_from(want))
    assert results == [0, 0]
    assert finetune.chosen(floats.model.diffusion_model, network(algo="finetune"))


def test_layers_that_cannot_be_read_are_named():
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import weights as lending

    model = packed()
    lending.check(model)
    module = torch.nn.Module()
    module.register_parameter("table", torch.nn.Parameter(packing.Packed.of(torch.ones(2, 2)), requires_grad=False))
    model.model.diffusion_model.strange = module
    with pytest.raises(
        AthanorError, match=r"its weight diffusion_model.strange.table is a Packed.*Unet Loader \(GGUF\)"
    ):
        lending.check(model)


def test_known_by_the_weights_themselves():
    """The state that such a model shows holds sizes alone; loaded, patched and taken off again it is the same one."""
    from athanor.training_core.host import fingerprint

    model, other = packed(), packed()
    before = fingerprint.diffusion_model(model)
    assert fingerprint.diffusion_model(other) == before
    drawn(model, CASES["sd3"])
    assert fingerprint.diffusion_model(model) == before
    with cards.moving():
        drawn(other, CASES["sd3"])
    assert fingerprint.diffusion_model(other) == before
    layer = next(m for m in other.model.modules() if packing.quantised(getattr(m, "weight", None)))
    with torch.inference_mode():
        layer.weight.as_subclass(torch.Tensor)[:, packing.SCALE :] += 1
    assert fingerprint.diffusion_model(other) != before
    unload()


def test_fingerprints_are_promises():
    """Run ids hold them: these may never change."""
    from athanor.training_core.host import fingerprint

    def of(kind):
        layer = packing.linear()(4, 3)
        layer.weight = torch.nn.Parameter(kind(torch.arange(12.0).view(3, 4) / 8), requires_grad=False)
        layer.bias = torch.nn.Parameter(torch.arange(3.0), requires_grad=False)
        model = torch.nn.ModuleDict({"layer": layer})
        return fingerprint.diffusion_model(
            types.SimpleNamespace(model=model, backup={}, backup_buffers={}, patches={}, model_options={"a": 1})
        )[:16]

    assert of(lambda value: value) == "93e2b73c93d042d2"
    assert of(packing.Packed.of) == "4143a718f12ca5d0"


def test_bits(both):
    """Metadata says of a model in 8 bits or less that it is one."""
    from athanor.training_core.host import quantised

    assert [quantised.is_8bit(m.model.diffusion_model) for m in both] == [False, True]
    floats = torch.nn.ParameterList([packing.Packed.named(torch.ones(3)), torch.ones(2, dtype=torch.bfloat16)])
    assert not quantised.is_8bit(floats)


def test_pages_of_a_file_are_copied_before_they_are_pinned(tmp_path, monkeypatch):
    """A GGUF file is mapped for reading alone, which CUDA cannot pin; the bytes stay what they are."""
    import comfy.model_management as mm
    from athanor.training_core.host import swap

    pinned = []
    monkeypatch.setattr(mm, "pin_memory", lambda value: pinned.append(value) or True)
    monkeypatch.setattr(mm, "unpin_memory", lambda value: pinned.remove(value))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    own = packing.Packed.of(torch.randn(256, 512))
    own.as_subclass(torch.Tensor).numpy().tofile(tmp_path / "weights")
    mapped = np.memmap(tmp_path / "weights", np.uint8, "c", shape=tuple(own.size()))
    weight = torch.from_numpy(mapped).as_subclass(packing.Packed)
    weight.shape_of = own.shape
    layer = packing.linear()(512, 256, bias=False)
    layer.weight = torch.nn.Parameter(weight, requires_grad=False)
    away = swap._Away(pin=True)
    away.send(layer)
    home = swap.parameters(layer)["weight"]
    assert type(pinned[0]) is torch.Tensor and pinned[0].data_ptr() == home.data_ptr() != weight.data_ptr()
    assert torch.equal(home.numbers(), own.numbers())
    away.bring_back()
    assert layer.weight is weight and not any(p is not None for p in pinned)


def test_what_its_text_encoders_give_is_an_ordinary_tensor():
    """`clone` of such a class makes no copy: the tensor would stay one of inference mode, which training cannot use."""
    from athanor.training_core.host import text

    class Clip:
        cond_stage_model = torch.nn.Module()

        def tokenize(self, *_args, **_kwargs):
            return {"l": [[(1, 1.0)]]}

        def encode_from_tokens_scheduled(self, _tokens, show_pbar=True):
            cond = packing.Packed.named(torch.ones(1, 2, 3))
            return [[cond, {"pooled_output": packing.Packed.named(torch.ones(1, 3)), "n": [cond]}]]

    found, _ = text.encode(Clip(), "a red circle")
    for value in (found.cond, found.extras["pooled_output"], *found.extras["n"]):
        assert type(value) is torch.Tensor and not value.is_inference()


def test_the_weights_are_left_alone():
    """Bytes and objects, over a whole step with everything at once."""
    model = packed()
    own, content = dict(model.model.named_parameters()), digest(model)
    trained(model, CASES["sd3"], network=network(dora=True, train_norm=True), gradient_checkpointing="all")
    unload()
    assert digest(model) == content and all(p is own[n] for n, p in model.model.named_parameters())


def digest(model):
    hasher = hashlib.sha256()
    for _, value in model.model.named_parameters():
        hasher.update(value.as_subclass(torch.Tensor).contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return hasher.hexdigest()
