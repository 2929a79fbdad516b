"""The state of every optimizer goes to safetensors and JSON and back, and training goes on as if nothing had been."""

import importlib
import json

import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.optim import optimizer_state
from safetensors.torch import load_file, save_file

SHAPES = [(64, 80), (7,), (8, 4, 3, 3), (80, 64)]  # the large ones are kept in 8 bits, the small ones in 32

CLASSES = {
    "torch.optim.AdamW": {"lr": 1e-3, "amsgrad": True},
    "torch.optim.Adam": {"lr": 1e-3},
    "torch.optim.NAdam": {"lr": 1e-3},
    "torch.optim.RAdam": {"lr": 1e-3},
    "torch.optim.SGD": {"lr": 1e-3, "momentum": 0.9, "nesterov": True},
    "torch.optim.RMSprop": {"lr": 1e-3, "centered": True},
    "torch.optim.Adagrad": {"lr": 1e-3},
    "torch.optim.Adafactor": {"lr": 1e-3},
    "bitsandbytes.optim.AdamW8bit": {"lr": 1e-3},
    "bitsandbytes.optim.PagedAdamW8bit": {"lr": 1e-3},
    "bitsandbytes.optim.PagedAdamW": {"lr": 1e-3},
    "bitsandbytes.optim.PagedAdamW32bit": {"lr": 1e-3},
    "bitsandbytes.optim.Lion8bit": {"lr": 1e-3},
    "bitsandbytes.optim.PagedLion8bit": {"lr": 1e-3},
    "bitsandbytes.optim.AdEMAMix8bit": {"lr": 1e-3, "t_alpha": 20, "t_beta3": 20},
    "bitsandbytes.optim.PagedAdEMAMix8bit": {"lr": 1e-3},
    "bitsandbytes.optim.SGD8bit": {"lr": 1e-3, "momentum": 0.9},
    "bitsandbytes.optim.LAMB8bit": {"lr": 1e-3},
    "lion_pytorch.Lion": {"lr": 1e-3, "decoupled_weight_decay": True, "weight_decay": 0.1},
    "dadaptation.DAdaptAdaGrad": {"lr": 1.0},
    "dadaptation.DAdaptAdam": {"lr": 1.0, "use_bias_correction": True},
    "dadaptation.DAdaptAdan": {"lr": 1.0},
    "dadaptation.DAdaptLion": {"lr": 1.0},
    "dadaptation.DAdaptSGD": {"lr": 1.0, "momentum": 0.9},
    "dadaptation.experimental.DAdaptAdanIP": {"lr": 1.0},
    "dadaptation.experimental.DAdaptAdamPreprint": {"lr": 1.0, "decouple": True, "growth_rate": 1.02},
    "prodigyopt.Prodigy": {"lr": 1.0, "weight_decay": 0.01, "use_bias_correction": True, "slice_p": 3},
    "schedulefree.AdamWScheduleFree": {"lr": 1e-2, "warmup_steps": 8},
    "schedulefree.RAdamScheduleFree": {"lr": 1e-2},
    "schedulefree.SGDScheduleFree": {"lr": 1e-2, "warmup_steps": 8},
    "transformers.Adafactor": {"warmup_init": True, "beta1": 0.9},
}


def problem():
    """Weights, their targets, and an optimizer's groups."""
    generator = torch.Generator().manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]
    weights[1].data.zero_()  # Prodigy keeps nothing for weights that begin at 0
    targets = [torch.randn(shape, generator=generator) for shape in SHAPES]
    return weights, targets


def groups(weights):
    return [{"params": weights[:2], "lr_scale": 1.0}, {"params": weights[2:], "lr_scale": 0.5}]


def train(optimizer, weights, targets, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        sum((w - t).square().sum() for w, t in zip(weights, targets, strict=True)).backward()
        optimizer.step()


def through_files(packed, folder):
    """What comes back from safetensors and strict JSON."""
    tensors, plain = packed
    save_file(tensors, folder / "optimizer.safetensors")
    return load_file(folder / "optimizer.safetensors"), json.loads(json.dumps(plain, allow_nan=False))


def copy_of(weights):
    return [torch.nn.Parameter(w.detach().clone()) for w in weights]


@pytest.mark.parametrize("path", CLASSES)
def test_stopped_and_resumed_is_never_having_stopped(path, tmp_path):
    module, _, name = path.rpartition(".")
    cls = getattr(importlib.import_module(module), name)

    def fresh(weights):
        optimizer = cls(groups(weights), **CLASSES[path])
        if hasattr(optimizer, "train"):
            optimizer.train()
        return optimizer

    weights, targets = problem()
    optimizer = fresh(weights)
    train(optimizer, weights, targets, 7)
    packed = optimizer_state.pack(optimizer)
    stopped = copy_of(weights)
    train(optimizer, weights, targets, 5)  # must not change what was packed
    resumed = fresh(stopped)
    optimizer_state.unpack(resumed, *through_files(packed, tmp_path))
    before = copy_of(stopped)
    train(resumed, stopped, targets, 5)
    assert all(torch.equal(a, b) for a, b in zip(weights, stopped, strict=True))
    assert not torch.equal(before[0], stopped[0])
    again, whole = optimizer_state.pack(resumed), optimizer_state.pack(optimizer)
    assert again[1] == whole[1] and all(torch.equal(again[0][k], whole[0][k]) for k in whole[0])


def test_lists_of_tensors():
    """LBFGS keeps its history in lists."""
    weights, targets = problem()

    def fresh(weights):
        return torch.optim.LBFGS(weights, lr=0.1, max_iter=2)

    def run(optimizer, weights):
        def closure():
            optimizer.zero_grad()
            loss = sum((w - t).square().sum() for w, t in zip(weights, targets, strict=True))
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)

    optimizer = fresh(weights)
    run(optimizer, weights)
    tensors, plain = optimizer_state.pack(optimizer)
    stopped = copy_of(weights)
    resumed = fresh(stopped)
    optimizer_state.unpack(resumed, tensors, json.loads(json.dumps(plain)))
    run(optimizer, weights)
    run(resumed, stopped)
    assert all(torch.equal(a, b) for a, b in zip(weights, stopped, strict=True))


class Odd(torch.optim.Optimizer):
    """Everything an optimizer of someone's own may keep."""

    def __init__(self, params):
        super().__init__(
            params, {"lr": 1.0, "limit": float("inf"), "kind": torch.bfloat16, "betas": (0.9, (0.5, None))}
        )
        self.seen, self.scale = 0, torch.ones(2)

    def step(self):
        self.seen += 1
        self.scale *= 2
        book = torch.arange(4.0)
        self.state["whole"] = {"history": [1, float("nan"), "text"], "by_rank": {3: (True,)}}
        for group in self.param_groups:
            group["d"] = torch.tensor(0.25, dtype=torch.float64)
            for p in group["params"]:
                self.state[p] |= {"exp": torch.full((3,), 0.1, dtype=torch.bfloat16), "count": self.seen, "book": book}


def test_odd_things_survive_with_their_types(tmp_path):
    weights, _ = problem()
    optimizer = Odd(groups(weights))
    optimizer.step()
    packed = optimizer_state.pack(optimizer)
    resumed = Odd(groups(copy_of(weights)))
    optimizer_state.unpack(resumed, *through_files(packed, tmp_path))
    first, second = resumed.param_groups
    assert first["limit"] == float("inf") and first["kind"] is torch.bfloat16 and first["betas"] == (0.9, (0.5, None))
    assert first["d"].dtype == torch.float64 and second["lr_scale"] == 0.5
    assert (resumed.seen, resumed.scale.tolist()) == (1, [2.0, 2.0])
    whole = resumed.state["whole"]
    assert whole["by_rank"] == {3: (True,)} and whole["history"][1] != whole["history"][1]
    states = [resumed.state[p] for p in first["params"]]
    assert states[0]["exp"].dtype == torch.bfloat16 and states[0]["count"] == 1
    assert states[0]["book"] is states[1]["book"]


def test_how_a_step_is_computed_is_this_machines_affair():
    """A run stopped on a CPU and resumed on a GPU is fused there."""
    weights, _ = problem()
    packed = optimizer_state.pack(torch.optim.AdamW(groups(weights), foreach=False, weight_decay=0.5))
    resumed = torch.optim.AdamW(groups(weights), fused=True)
    optimizer_state.unpack(resumed, *packed)
    group = resumed.param_groups[0]
    assert (group["fused"], group["foreach"], group["weight_decay"]) == (True, None, 0.5)


def test_what_cannot_be_saved_or_does_not_fit_is_said(tmp_path):
    weights, _ = problem()
    optimizer = torch.optim.Adam(groups(weights))
    optimizer.param_groups[0]["rule"] = print
    with pytest.raises(AthanorError, match="Adam keeps a builtin_function_or_method in its state"):
        optimizer_state.pack(optimizer)
    packed = optimizer_state.pack(torch.optim.Adam(groups(weights)))
    with pytest.raises(AthanorError, match="optimizer_type is SGD, but the saved state is of Adam"):
        optimizer_state.unpack(torch.optim.SGD(groups(weights)), *packed)
    with pytest.raises(AthanorError, match=r"another network: it has 4 parameters in 2 groups, this one 2 in 1\."):
        optimizer_state.unpack(torch.optim.Adam(weights[:2]), *packed)
