"""The weights of the graph's models while training has them: what the host does with them in mid-run, and where it ends."""

from __future__ import annotations

import contextlib

import cards
import pytest
import torch
from card_models import load, untouched
from family_cases import CASES, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy")

CPU = torch.device("cpu")


@pytest.mark.parametrize("whole", [False, True])
def test_a_part_of_the_model_was_taken_off_the_device(whole, monkeypatch):
    """For a VAE or a picture in mid-run. The pages that the host locks for it are unlocked, whatever is trained and wherever it
    ends.
    """
    import comfy.model_management as mm

    locked, ever = set(), []

    def lock(value):
        assert value.data_ptr() not in locked
        locked.add(value.data_ptr())
        ever.append(value)
        return True

    monkeypatch.setattr(mm, "pin_memory", lock)
    monkeypatch.setattr(mm, "unpin_memory", lambda value: locked.remove(value.data_ptr()))
    case, model = CASES["sd3"], load("sd3", torch.float16, torch.float32)
    half = sum(p.nbytes for p in model.model.parameters()) / 2
    with cards.moving(), untouched(model, case), training(model, whole=whole) as (host_model, network):
        first = step(host_model, network, *samples(case))
        assert host_model.patcher.partially_unload(CPU, half) >= half
        assert host_model.patcher.model.model_lowvram and locked
        host_model.load()
        assert not locked
        again = step(host_model, network, *samples(case))
        host_model.patcher.partially_unload(CPU, half)  # interrupted there
        if whole:  # and what is trained has left its place before
            for layer in host_model.diffusion_model.modules():
                for name, value in layer.named_parameters(recurse=False):
                    layer._parameters[name] = torch.nn.Parameter(value.detach().clone(), requires_grad=False)
    assert again.differs_from(first) == 0
    assert ever and not locked and not model.pinned


def test_no_room_for_the_weights_that_training_is_lent(monkeypatch):
    """Memory that runs out half-way: the model is what it was."""
    from athanor.training_core.host import weights

    model, made, plain = load("sd15"), [], weights._parameter

    def no_room(value):
        made.append(value)
        if len(made) == 20:
            raise MemoryError
        return plain(value)

    with untouched(model, CASES["sd15"]):
        monkeypatch.setattr(weights, "_parameter", no_room)
        with pytest.raises(MemoryError), training(model):
            pass
        monkeypatch.undo()


def test_a_device_that_is_lost(monkeypatch):
    """Nothing can be taken off it; the graph's model has its own weights again all the same, with nothing of training on them."""
    from athanor.training_core.host import weights

    model = load("sd3", torch.float16, torch.float32)
    before = [(module, dict(module._parameters), set(vars(module))) for module in model.model.modules()]

    def lost(_patcher):
        raise RuntimeError("CUDA error: device lost")

    with pytest.raises(RuntimeError, match="lost"), cards.moving(), training(model):
        monkeypatch.setattr(weights, "_unload", lost)
    monkeypatch.undo()
    for module, parameters, attributes in before:
        assert all(module._parameters[name] is value for name, value in parameters.items())
        assert not {*weights.SET_BY_LOADING} & (set(vars(module)) - attributes)
    weights._unload(model)  # of the tests' host, which knows it still


def test_other_patches_after_training():
    """What a card has streamed is known by the patches it was made with, also after training."""
    with cards.dynamic():
        model = load("sd15", torch.float16)
        with untouched(model, CASES["sd15"]):
            streamed = model.model.current_weight_patches_uuid
            with training(model):
                pass
            assert streamed is not None and model.model.current_weight_patches_uuid == streamed


@pytest.mark.parametrize("how", ["plain", "moving"])
def test_a_fine_tune_of_a_model_with_a_lora_is_loaded_again(how):
    """The host puts what it had patched back when it unloads: into the place of what is trained."""
    import comfy.model_management as mm
    from athanor.training_core.host import checkpoint, guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import finetune
    from athanor.training_core.settings import NetworkSettings

    model = load("sd3").clone()
    own = model.model.state_dict()
    key = next(k for k in own if k.endswith("mlp.fc1.weight"))
    with torch.inference_mode():
        model.add_patches({key: (0.5 * torch.ones_like(own[key]),)}, 1.0)
    module, attribute = model.model.get_submodule(key.rpartition(".")[0]), "weight"
    settings = NetworkSettings(algo="finetune", include="joint_blocks")
    with contextlib.ExitStack() as stack:
        if how == "moving":
            stack.enter_context(cards.moving())
        stack.enter_context(untouched(model, CASES["sd3"]))
        stack.enter_context(guard.training())
        host_model = stack.enter_context(trainable(model, "auto", whole=True))
        cast = checkpoint.compute_in_input_format
        tuned = stack.enter_context(finetune.attached(host_model.diffusion_model, settings, host_model.device, cast))
        trained = module._parameters[attribute]
        before = trained.detach().clone()
        assert (before - own[key]).mean().item() == pytest.approx(0.5)
        with torch.inference_mode():
            mm.unload_all_models()
        host_model.load()
        assert module._parameters[attribute] is trained and any(trained is p for p in tuned.values)
        assert torch.equal(trained, before)
