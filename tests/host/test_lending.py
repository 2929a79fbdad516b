"""The weights of the graph's models while training has them: what the host does with them in mid-run, and where it ends."""

from __future__ import annotations

import contextlib

import cards
import pytest
import torch
from one_step import step, training
from test_cards import load, untouched
from test_families import CASES, samples

pytestmark = pytest.mark.usefixtures("comfy")

CPU = torch.device("cpu")


def test_a_part_of_the_model_was_taken_off_the_device(monkeypatch):
    """For a VAE or a picture in mid-run; what the host locks in main memory it would look for under the graph's own weights."""
    import comfy.model_management as mm

    locked = []
    monkeypatch.setattr(mm, "pin_memory", lambda value: bool(locked.append(value)) or True)
    case, model = CASES["sd3"], load("sd3", torch.float16, torch.float32)
    half = sum(p.nbytes for p in model.model.parameters()) / 2
    with cards.moving(), untouched(model, case), training(model) as (host_model, network):
        first = step(host_model, network, *samples(case))
        assert host_model.patcher.partially_unload(CPU, half) >= half
        assert host_model.patcher.model.model_lowvram
        host_model.load()
        again = step(host_model, network, *samples(case))
        host_model.patcher.partially_unload(CPU, half)  # interrupted there
    assert again.differs_from(first) == 0
    assert not locked and not model.pinned


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
