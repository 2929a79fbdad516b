"""Samples on another MODEL: what is drawn there is what Load LoRA would draw, and training finds everything as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from family_cases import CASES, load, positive, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

NAME = "auraflow"


def drawn(model: Any, around: Any = None) -> torch.Tensor:
    """A latent after two steps of the stock sampler."""
    import comfy.sample

    latents, texts, _ = samples(CASES[NAME])
    noise = torch.randn(latents[:1].shape, generator=torch.Generator().manual_seed(2))
    with around or torch.inference_mode():
        return comfy.sample.sample(
            model, noise, 2, 1.0, "euler", "simple", positive(texts[0]), positive(texts[0]), torch.zeros_like(noise),
            disable_pbar=True, seed=0,
        ).clone()  # fmt: skip


def network_settings(**changes: Any) -> Any:
    from athanor.training_core.settings import NetworkSettings

    return NetworkSettings(rank=2, **changes)


@pytest.fixture(scope="module")
def model() -> Any:
    return load(NAME)


def test_another_model_is_drawn_with_as_with_the_file(model):
    from athanor.training_core.host import sampling
    from athanor.training_core.run.other_model import OtherModel, with_network

    other = OtherModel(load(NAME))
    bare = drawn(other.patcher)
    with training(model, network_settings()) as (host_model, network):
        before = step(host_model, network, *samples(CASES[NAME]))
        with sampling.interlude(host_model) as patcher:
            own = drawn(patcher, torch.no_grad())
            there = drawn(*with_network(other, host_model, patcher, network))
            assert with_network(None, host_model, patcher, network)[0] is patcher
        host_model.load()
        assert step(host_model, network, *samples(CASES[NAME])).differs_from(before) == 0
    assert torch.allclose(own, there, atol=1e-4 * own.abs().max().item())
    assert (there - bare).abs().max() > 1e-2
    assert torch.equal(drawn(other.patcher), bare) and not other.patcher.patches


def test_without_the_adapter_in_front(model):
    """MODEL is trained with a LoRA on it, and looked at without: both are one model in memory."""
    import comfy.sd
    from athanor.training_core.host import sampling
    from athanor.training_core.network import files, portable
    from athanor.training_core.run.other_model import OtherModel

    with training(model, network_settings()) as (_, network):
        adapter = files.tensors_for_file(portable.state(network), "float", network.renames())
    adapter = {key: value * (1 if key.endswith("alpha") else 0.7) for key, value in adapter.items()}
    with torch.inference_mode():
        adapted, _ = comfy.sd.load_lora_for_models(model, None, adapter, 1.0, 0.0)
    with training(adapted, network_settings()) as (host_model, network):
        lora = files.tensors_for_file(portable.state(network), "float", network.renames())
        before = step(host_model, network, *samples(CASES[NAME]))
        with sampling.interlude(host_model) as patcher:
            own = drawn(patcher, torch.no_grad())
            without = drawn(*OtherModel(model).with_network(host_model, network))
        host_model.load()
        assert step(host_model, network, *samples(CASES[NAME])).differs_from(before) == 0
        with sampling.interlude(host_model) as patcher:
            assert torch.equal(drawn(patcher, torch.no_grad()), own)
    with torch.inference_mode():
        want = drawn(comfy.sd.load_lora_for_models(model, None, lora, 1.0, 0.0)[0])
    assert torch.allclose(without, want, atol=1e-4 * want.abs().max().item())
    assert (own - without).abs().max() > 1e-2


def test_a_model_of_another_kind_is_refused_before_training(model):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.network import build
    from athanor.training_core.run.other_model import OtherModel

    network = build.create([build.Part(model.model.diffusion_model)], network_settings(), 0)
    OtherModel(model).check(network)
    with pytest.raises(
        AthanorError, match=r"^sampling_model lacks \d+ of the \d+ layers that are trained, the first is .*: connect"
    ):
        OtherModel(load("wan")).check(network)
    with pytest.raises(AthanorError, match="sampling_model: algo finetune trains the model itself"):
        OtherModel(model).check(None)


def test_layers_of_text_encoders_are_not_put_on_the_other_model(monkeypatch):
    """Of Stable Cascade they are called lora_prior_te, which the loader does not find in a model without its text encoder."""
    from types import SimpleNamespace

    from athanor.training_core.run import other_model

    keys = [
        f"{part}_x.lora_up.weight" for part in ("lora_prior_unet", "lora_prior_te", "lora_unet", "lora_te", "lora_te2")
    ]
    put: list[str] = []
    monkeypatch.setattr(other_model.portable, "state", lambda _network: None)
    monkeypatch.setattr(other_model.files, "tensors_for_file", lambda *_: dict.fromkeys(keys))
    monkeypatch.setattr(other_model.lora, "on_model", lambda _model, tensors, _name: put.extend(tensors))
    here, there = (SimpleNamespace(patcher=SimpleNamespace(model=object())) for _ in range(2))
    network: Any = SimpleNamespace(renames=dict)
    other_model.OtherModel(there.patcher).with_network(here, network)  # pyright: ignore[reportArgumentType] (a stand-in)
    assert put == [keys[0], keys[2]]
