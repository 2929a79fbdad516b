"""A model's own weights are trained and put back."""

import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.network import files, finetune
from athanor.training_core.settings import NetworkSettings, parse
from safetensors import safe_open
from small import CPU, Model, X

SETTINGS = NetworkSettings(algo="finetune")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_learns_and_puts_everything_back(dtype):
    model = Model().to(dtype).requires_grad_(False)
    kept = dict(model.named_parameters())
    before = {name: value.clone() for name, value in kept.items()}
    plain = model(X.to(dtype))
    cast = []
    with finetune.attached(model, SETTINGS, CPU, cast.append) as weights:
        assert set(weights.names) == set(before) and len(cast) == len(before)
        assert all(p.dtype is torch.float32 and p.requires_grad for p in weights.parameters())
        optimizer = torch.optim.SGD([p for group in weights.groups() for p in group["params"]], lr=0.1)
        first = None
        for _ in range(5):
            loss = (model(X) - 1).square().mean()
            first = first or loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss.item() < first
    assert all(p is kept[name] and torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert torch.equal(model(X.to(dtype)), plain)


def test_patterns():
    with finetune.attached(Model(), NetworkSettings(algo="finetune", include="attn", exclude="bias$"), CPU, id) as w:
        assert w.names == ["attn.norm.weight", "attn.proj_in.weight", "attn.to_q.weight"]
    with pytest.raises(AthanorError, match="together they leave nothing to train"):
        finetune.chosen(Model(), NetworkSettings(algo="finetune", include="nothing"))


def test_quantised_models_are_refused():
    model = Model()
    model.head.weight.data = model.head.weight.data.to(torch.float8_e4m3fn)
    with pytest.raises(
        AthanorError, match=r"algo finetune needs a model in fp32, fp16 or bf16; head\.weight is float8"
    ):
        finetune.chosen(model, SETTINGS)


def test_no_text_encoder():
    with pytest.raises(AthanorError, match="algo finetune trains the diffusion model alone: choose unet in train"):
        parse(NetworkSettings, {"algo": "finetune", "train": "unet + text encoder"})


def test_nothing_to_continue_from():
    with pytest.raises(AthanorError, match="network_weights is for networks: leave it empty with algo finetune"):
        parse(NetworkSettings, {"algo": "finetune", "network_weights": "x"})


def test_put_back_after_an_error():
    model = Model()
    kept = model.head.weight
    with pytest.raises(KeyboardInterrupt), finetune.attached(model, SETTINGS, CPU, id):
        raise KeyboardInterrupt
    assert model.head.weight is kept


def test_no_second_copy_beside_what_is_trained_elsewhere():
    model = Model()
    kept = dict(model.named_parameters())
    with finetune.attached(model, SETTINGS, torch.device("meta"), id) as weights:
        assert not any(p.nbytes for p in kept.values()) and all(p.is_meta for p in weights.parameters())
    assert all(p is kept[name] for name, p in model.named_parameters())


def test_a_model_file_has_the_same_hash_as_a_lora_file(tmp_path):
    tensors = {"a.weight": torch.zeros(2, 2), "b.weight": torch.ones(3)}
    digest = "a71d61ce2b708039f480106ed7e7bb4601c91467c9951495a590d5ec696d8bba"
    assert files.save_model(tmp_path / "a.safetensors", tensors, {"x": {"y": 1}}) == digest
    assert files.save_lora(tmp_path / "b.safetensors", tensors, {}) == digest
    with safe_open(tmp_path / "b.safetensors", "pt") as file:
        assert (file.metadata()["sshs_model_hash"], file.metadata()["sshs_legacy_hash"]) == (digest, "e3b0c442")
    for name in ("a", "b"):
        with safe_open(tmp_path / f"{name}.safetensors", "pt") as file:
            assert file.metadata()["modelspec.hash_sha256"] == f"0x{digest}"
            assert all(torch.equal(file.get_tensor(key), value) for key, value in tensors.items())
