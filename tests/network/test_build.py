"""Networks on a small module with the host's class names."""

import contextlib

import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.network.build import Part, attached, create
from athanor.training_core.network.table import table
from athanor.training_core.settings import NetworkSettings, parse
from lycoris.wrapper import LycorisNetwork
from small import CPU, Model, SpatialTransformer, X


def names(**settings) -> set[str]:
    return {
        lora.lora_name.removeprefix("lora_unet_")
        for lora in create([Part(Model())], NetworkSettings(**settings), 0).loras
    }


def test_targets():
    linear = {"attn_proj_in", "attn_to_q"}
    assert names() == linear
    assert names(conv_rank=2) == linear | {"res_conv", "res_emb"}
    assert names(preset="full") == linear | {"res_emb"}
    assert names(preset="full", conv_rank=2, train_norm=True) == linear | {"res_conv", "res_emb", "attn_norm"}
    assert names(preset="unet-convblock-only", conv_rank=2) == {"res_conv", "res_emb"}
    with pytest.raises(AthanorError, match="preset attn-only: it matches no layer"):
        names(preset="attn-only")


@pytest.mark.parametrize("algo", ["lora", "locon", "loha", "lokr"])
def test_start_values_follow_from_the_seed_and_change_nothing_yet(algo):
    settings = NetworkSettings(algo=algo, rank=2, alpha=1.0, preset="full", conv_rank=2)
    a = create([Part(Model())], settings, 3)
    state = torch.random.get_rng_state()
    model = Model()
    torch.random.set_rng_state(state)
    b, c = create([Part(model)], settings, 3), create([Part(model)], settings, 4)
    assert torch.equal(state, torch.random.get_rng_state())
    for x in (a, b, c):
        x.apply_to()
    pairs = list(zip(a.state_dict().values(), b.state_dict().values(), strict=True))
    assert pairs and all(torch.equal(x, y) for x, y in pairs)
    assert any(not torch.equal(x, y) for x, y in zip(a.state_dict().values(), c.state_dict().values(), strict=True))
    for x in (c, b, a):
        x.restore()
    with attached([Part(model)], settings, 3, CPU):
        inside = model(X)
    assert torch.allclose(inside, model(X), atol=1e-6)


@pytest.mark.parametrize("algo", ["lora", "locon", "loha", "lokr"])
def test_learns_and_leaves_no_trace(algo):
    model = Model().requires_grad_(False)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    out, presets = model(X), dict(vars(LycorisNetwork))
    with attached(
        [Part(model)], NetworkSettings(algo=algo, rank=4, alpha=4.0, preset="full", conv_rank=4), 0, CPU
    ) as network:
        optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
        first = None
        for _ in range(80):
            loss = (model(X) - 1).square().mean()
            first = first or loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss.item() < first * 0.7
        assert all(p.dtype is torch.float32 for p in network.parameters())
    assert torch.equal(model(X), out)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not any("forward" in m.__dict__ or "_lycoris_wrappers" in m.__dict__ for m in model.modules())
    assert {k: presets[k] for k in ("TARGET_REPLACE_MODULE", "ENABLE_CONV", "LORA_PREFIX")} == {
        k: vars(LycorisNetwork)[k] for k in ("TARGET_REPLACE_MODULE", "ENABLE_CONV", "LORA_PREFIX")
    }


LEAN = {
    "lora": {},
    "lokr": {"alpha": 2.0},
    "lokr, both factors thin": {"decompose_both": True, "factor": 4, "rank": 1, "conv_rank": 1},
    "lokr, whole factors": {"full_matrix": True},
    "lokr, a large factor": {"full_matrix": True, "factor": 8},
    "loha": {},
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", LEAN)
def test_the_lean_forward_equals_lycoris(name, dtype, monkeypatch):
    """Values and gradients, for Linear, 1x1 and 3x3 convolutions; factors made at once are the same to the bit."""
    from athanor.training_core.network import build, lean

    monkeypatch.setattr(lean, "SMALL", 16)
    results = []
    for how in ("lean", "at once", "LyCORIS"):
        if how == "LyCORIS":
            monkeypatch.setattr(build, "lean_forward", lambda _lora: None)
        model = Model().to(dtype).requires_grad_(False)
        values = {"rank": 2, "alpha": 5.0, "preset": "full", "conv_rank": 3, "conv_alpha": 2.0} | LEAN[name]
        with attached([Part(model)], NetworkSettings(algo=name.split(",")[0], **values), 0, CPU) as network:
            for i, p in enumerate(network.parameters()):
                p.data.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(i)) * 0.3)
            kinds = {type(lora.__dict__.get("forward")).__name__ for lora in network.loras}
            assert kinds == {"NoneType" if how == "LyCORIS" else "function"}
            x = X.to(dtype, copy=True).requires_grad_(True)
            with network.formed(dtype) if how == "at once" else contextlib.nullcontext():
                out = model(x)
                out.float().square().mean().backward()
            results.append([out.detach(), x.grad, *(p.grad for p in network.parameters())])
    limit = 1e-5 if dtype is torch.float32 else 3e-2
    for a, once, b in zip(*results, strict=True):
        assert torch.equal(a, once)
        assert (a.float() - b.float()).norm() <= limit * b.float().norm()


def test_factors_made_at_once_are_gone_after_an_error():
    """They would not follow the next update."""
    model = Model().bfloat16().requires_grad_(False)
    with attached([Part(model)], NetworkSettings(rank=2, alpha=5.0), 0, CPU) as network:
        before = [set(lora.__dict__) for lora in network.loras]
        with pytest.raises(KeyboardInterrupt), network.formed(torch.bfloat16):
            assert [set(lora.__dict__) for lora in network.loras] != before
            raise KeyboardInterrupt
        assert [set(lora.__dict__) for lora in network.loras] == before


def test_restored_after_an_error():
    model = Model()
    out = model(X)
    with pytest.raises(KeyboardInterrupt), attached([Part(model)], NetworkSettings(), 0, CPU):
        raise KeyboardInterrupt
    assert torch.equal(model(X), out)


def test_patterns():
    assert names(include="to_q") == {"attn_to_q"}
    assert names(preset="full", conv_rank=2, include="attn\\., res", exclude="emb$") == {
        "attn_proj_in", "attn_to_q", "res_conv"
    }  # fmt: skip
    for values, words in (
        ({"include": "attnn"}, "include: 'attnn' matches no layer of the preset; layers are attn.proj_in, attn.to_q"),
        ({"exclude": "."}, "together they leave no layer"),
    ):
        with pytest.raises(AthanorError) as error:
            create([Part(Model())], NetworkSettings(**values), 0)
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"algo": "full", "dora": True}, "dora does not work with algo full: choose lora, locon, loha, lokr"),
        ({"algo": "lokr", "use_tucker": True}, "use_tucker does not work with algo lokr exactly in ComfyUI's loader"),
        ({"algo": "dylora", "rank": 10}, "block_size is 4: it must divide the rank (10) for dylora."),
        ({"include": "(a"}, "include: '(a' is not a valid regular expression"),
    ],
)
def test_settings_that_do_not_go_together(values, words):
    with pytest.raises(AthanorError) as error:
        parse(NetworkSettings, values)
    assert words in str(error.value)


def test_boft_says_which_rank_it_needs():
    class Odd(SpatialTransformer):
        def __init__(self):
            super().__init__()
            self.to_q = torch.nn.Linear(8, 40)

    Odd.__name__ = Odd.__qualname__ = "SpatialTransformer"
    Odd.__module__ = SpatialTransformer.__module__
    with pytest.raises(AthanorError, match="rank is 4: boft needs at least 10 for this model's layers of 40"):
        create([Part(torch.nn.Sequential(Odd()))], NetworkSettings(algo="boft", rank=4), 0)
    assert len(create([Part(torch.nn.Sequential(Odd()))], NetworkSettings(algo="boft", rank=10), 0).loras) >= 1


@pytest.mark.parametrize("algo", ["glora", "full", "diag-oft", "ia3", "dylora"])
def test_other_algorithms_learn_and_leave_no_trace(algo):
    model = Model()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    kept = dict(model.attn.to_q._parameters)
    with torch.no_grad():
        plain = model(X)
    with attached([Part(model)], NetworkSettings(algo=algo, rank=4), 0, CPU) as network:
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
        torch.manual_seed(0)
        assert torch.allclose(model(X), plain, atol=1e-5)  # starts as the model is
        for _ in range(3):
            optimizer.zero_grad()
            model(X).square().mean().backward()
            optimizer.step()
        network.eval()
        assert (model(X) - plain).abs().max() > 1e-4
        assert torch.equal(model(X), model(X))  # no chance left outside of training
    assert torch.equal(model(X), plain) and model.attn.to_q._parameters["weight"] is kept["weight"]
    assert all(torch.equal(model.state_dict()[k], v) for k, v in before.items())
    assert "forward" not in model.attn.to_q.__dict__


def test_the_table_lists_blocks():
    model = Model()
    lines = table(create([Part(model)], NetworkSettings(rank=2), 0)).splitlines()
    assert lines[0].startswith("2 layers, ") and "KB as fp16" in lines[0]
    assert [line.split()[0] for line in lines[3:]] == ["attn.proj_in", "attn.to_q"]
    assert [line.split()[1] for line in lines[3:]] == ["1", "1"]
    assert sum(int(line.split()[2].replace(",", "")) for line in lines[3:]) == 2 * (8 + 8) + 2 * (8 + 16)


@pytest.mark.parametrize("algo", ["lora", "full"])
def test_no_room_half_way_leaves_the_layers_as_they_were(algo, monkeypatch):
    model = Model()
    before = [(module, dict(module.__dict__), dict(module._parameters)) for module in model.modules()]

    def no_room(self):
        for lora in self.loras[1:]:
            lora.apply_to()
        raise MemoryError

    monkeypatch.setattr(LycorisNetwork, "apply_to", no_room)
    settings = NetworkSettings(algo=algo, rank=2, preset="full", conv_rank=2)
    with pytest.raises(MemoryError), attached([Part(model)], settings, 0, CPU):
        pass
    for module, attributes, parameters in before:
        assert module.__dict__.keys() == attributes.keys() and module._parameters == parameters
