"""Optimizers by name and by class: their arguments, that they learn, repeat themselves and can be resumed."""

import json
import sys
import types
from typing import get_args

import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.optim import args, names, optimizer_state, optimizers
from athanor.training_core.settings import OptimizerSettings, parse
from athanor.training_core.settings.optimizer import OptimizerName


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("", {}),
        ("weight_decay=0.05 betas=0.9,0.95", {"weight_decay": 0.05, "betas": (0.9, 0.95)}),
        ("weight_decay=0.05\nbetas=0.9, 0.95", {"weight_decay": 0.05, "betas": (0.9, 0.95)}),
        ('"decouple=True" growth_rate = 1.02', {"decouple": True, "growth_rate": 1.02}),
        ("eps=1e-8 foreach=None", {"eps": 1e-8, "foreach": None}),
        ("betas=(0.9,0.99)", {"betas": (0.9, 0.99)}),
    ],
)
def test_parse(text, want):
    assert args.parse(text) == want


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("weight_decay", "'weight_decay' is not of the form name=value"),
        ("weight_decay=big", "the value of weight_decay is 'big'"),
        ("weight_dacay=0.1", "did you mean weight_decay?"),
        ("lr=1e-3", "lr is set by learning_rate"),
        ("betas=0.9,2", "AdamW does not accept them"),
        ("weight_decay=__import__('os')", "the value of weight_decay"),
    ],
)
def test_wrong_arguments_get_one_sentence(text, words):
    with pytest.raises(AthanorError) as error:
        optimizers.choose(OptimizerSettings(optimizer_args=text))
    assert words in str(error.value) and "\n" not in str(error.value)


NAMES = get_args(OptimizerName)
GROWING = "d0=0.01 growth_rate=1.02"  # a few steps of a small problem are too few to find the rate
MORE = {
    "AdamW": {"optimizer_args": "weight_decay=0.0 betas=0.9,0.95"},
    "AdEMAMix8bit": {"optimizer_args": "alpha=2.0 t_alpha=50 t_beta3=50"},
    "RMSprop": {"learning_rate": 0.01},
    "SGD": {"optimizer_args": "momentum=0.5"},
    "RAdam": {"learning_rate": 0.1},
    "Adafactor": {"optimizer_args": "relative_step=False scale_parameter=False"},
    "Adagrad": {"learning_rate": 0.3},
    "Prodigy": {"learning_rate": 1.0, "optimizer_args": "d0=0.01"},
    "DAdaptSGD": {"learning_rate": 1.0, "optimizer_args": "d0=1.0 growth_rate=1.2"},
    "DAdaptAdaGrad": {"learning_rate": 1.0, "optimizer_args": "d0=0.05 growth_rate=1.05"},
    "SGDScheduleFree": {"learning_rate": 0.5},
    "RAdamScheduleFree": {"learning_rate": 0.2},
    **{
        name: {"learning_rate": 1.0, "optimizer_args": GROWING}
        for name in ("DAdaptation", "DAdaptAdamPreprint", "DAdaptAdam", "DAdaptAdan", "DAdaptAdanIP")
    },
    "DAdaptLion": {"learning_rate": 1.0, "optimizer_args": "d0=0.05"},
    "torch.optim.Adamax": {},
    "ASGD": {},
    "bitsandbytes.optim.AdEMAMix8bit": {},
    "transformers.Adafactor": {},
}


def settings_of(name):
    known = {"optimizer_type": name} if name in NAMES else {"optimizer_class": name}
    return OptimizerSettings(**({"learning_rate": 0.05} | known | MORE.get(name, {})))


class Problem:
    """Weights that shall become others; large enough for 8 bits, and small ones."""

    def __init__(self):
        torch.manual_seed(0)
        self.weights = [torch.nn.Parameter(torch.randn(64, 128)), torch.nn.Parameter(torch.randn(9))]
        self.targets = [torch.randn(64, 128), torch.randn(9)]

    def groups(self):
        return [{"params": [weight], "lr_scale": 1.0} for weight in self.weights]

    def train(self, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss = self.loss()
            loss.backward()
            optimizer.step()

    def loss(self):
        return sum((w - t).square().sum() for w, t in zip(self.weights, self.targets, strict=True)) / 2


@pytest.mark.parametrize("name", [*NAMES, *(name for name in MORE if name not in NAMES)])
def test_every_optimizer_learns_repeats_itself_and_resumes(name):
    settings = settings_of(name)
    first, second = Problem(), Problem()
    optimizer = optimizers.choose(settings).build(first.groups())
    assert type(optimizer).__name__ == names.locate(name)[1]
    start = first.loss().item()
    first.train(optimizer, 60)
    assert first.loss() < 0.5 * start
    early = optimizers.choose(settings).build(second.groups())
    second.train(early, 55)
    tensors, plain = optimizer_state.pack(early)
    late = optimizers.choose(settings).build(second.groups())
    optimizer_state.unpack(late, tensors, json.loads(json.dumps(plain, allow_nan=False)))
    second.train(late, 5)
    assert all(torch.equal(a, b) for a, b in zip(first.weights, second.weights, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_warm_up_from_0_is_survived(name):
    """The first update has the learning rate 0; Adafactor's own rate is another matter."""
    problem = Problem()
    optimizer = optimizers.choose(settings_of(name)).build(problem.groups())
    for rate in (0.0, 0.05, 0.1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        before = [w.detach().clone() for w in problem.weights]
        problem.train(optimizer, 1)
        if rate == 0:
            assert all(torch.equal(a, b) for a, b in zip(before, problem.weights, strict=True))
    assert all(w.isfinite().all() for w in problem.weights)


def test_names():
    assert set(names.CLASSES) == set(NAMES)
    assert OptimizerSettings(optimizer_type="adamw8BIT").optimizer_type == "AdamW8bit"
    assert names.named(OptimizerSettings(optimizer_class="ademamix8bit")) == "AdEMAMix8bit"
    with pytest.raises(AthanorError, match="optimizer_type is 'AdamV': it must be one of 'AdamW'"):
        parse(OptimizerSettings, {"optimizer_type": "AdamV"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Adamaxx", "torch.optim has no optimizer Adamaxx; did you mean Adamax?"),
        ("torch.optim.AdamV", "torch.optim has no optimizer AdamV; did you mean"),
        (
            "no_such_package.Adam",
            "optimizer_class no_such_package.Adam needs the package no_such_package, which does not load",
        ),
        ("os.system", "os has no optimizer system"),
        ("torch.optim.Optimizer", "cannot train a network"),
        ("torch.optim.LBFGS", "LBFGS does not accept them, or cannot train a network"),
        ("torch optim", "'torch optim' is not of the form package.Class"),
    ],
)
def test_a_wrong_class_gets_one_sentence(text, words):
    with pytest.raises(AthanorError) as error:
        optimizers.choose(OptimizerSettings(optimizer_class=text))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_missing_package_names_the_pip_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "lion_pytorch", None)
    with pytest.raises(AthanorError, match=r"install it with '.*-m pip install .lion-pytorch>=0.2.' or choose AdamW"):
        optimizers.choose(OptimizerSettings(optimizer_type="Lion"))


def test_bitsandbytes_is_replaced_only_if_allowed(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(AthanorError, match="AdamW8bit needs the package bitsandbytes, which does not load"):
        optimizers.choose(OptimizerSettings(optimizer_type="AdamW8bit"))
    allowed = OptimizerSettings(optimizer_type="AdamW8bit", optimizer_fallback=True, optimizer_args="weight_decay=0.1")
    choice = optimizers.choose(allowed)
    assert (choice.name, choice.cls, choice.arguments) == ("AdamW", torch.optim.AdamW, {"weight_decay": 0.1})
    assert choice.replaced.startswith("AdamW8bit does not work here, AdamW is used instead: ")
    with pytest.raises(AthanorError, match="AdEMAMix8bit needs the package bitsandbytes"):
        optimizers.choose(OptimizerSettings(optimizer_type="AdEMAMix8bit", optimizer_fallback=True))
    monkeypatch.undo()
    assert optimizers.choose(allowed).replaced == ""


def test_without_bitsandbytes_everything_else_works(monkeypatch):
    """8-bit optimizers name the pip line, the others train; that nothing else imports it, tests/network/test_nothing_fetched tells."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "bitsandbytes"] + ["bitsandbytes"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name, (module, _) in names.CLASSES.items():
        if module == "torch.optim":
            optimizers.choose(OptimizerSettings(optimizer_type=name))
        elif module == "bitsandbytes.optim":
            with pytest.raises(AthanorError, match=r"install it with '.*-m pip install .bitsandbytes>=0.45.'"):
                optimizers.choose(OptimizerSettings(optimizer_type=name))


def test_bitsandbytes_without_kernels_is_found_before_training(monkeypatch):
    import bitsandbytes

    def broken(self, closure=None):
        raise RuntimeError("Configured CUDA binary not found")

    monkeypatch.setattr(bitsandbytes.optim.Lion8bit, "step", broken)
    with pytest.raises(AthanorError, match=r"does not work on this machine \(Configured CUDA binary not found\)"):
        optimizers.choose(OptimizerSettings(optimizer_type="Lion8bit"))
    allowed = OptimizerSettings(optimizer_type="Lion8bit", optimizer_fallback=True)
    assert optimizers.choose(allowed).cls.__module__.startswith("lion_pytorch")


def test_a_class_with_open_arguments_takes_any(monkeypatch):
    class Open(torch.optim.SGD):
        def __init__(self, params, lr, **others):
            super().__init__(params, lr=lr)
            self.others = others

    module = types.ModuleType("one_s_own")
    module.Open = Open
    monkeypatch.setitem(sys.modules, "one_s_own", module)
    settings = OptimizerSettings(optimizer_class="one_s_own.Open", optimizer_args="speed=3 kind='fast'")
    assert optimizers.choose(settings).build(Problem().groups()).others == {"speed": 3, "kind": "fast"}


def test_labels():
    for settings, want in (
        (OptimizerSettings(optimizer_args="weight_decay=0.1"), "torch.optim.adamw.AdamW(weight_decay=0.1)"),
        (OptimizerSettings(optimizer_type="SGDNesterov"), "torch.optim.sgd.SGD(momentum=0.9,nesterov=True)"),
        (OptimizerSettings(optimizer_type="AdamW8bit"), "bitsandbytes.optim.adamw.AdamW8bit"),
        (
            OptimizerSettings(optimizer_type="DAdaptation", learning_rate=1.0),
            "dadaptation.experimental.dadapt_adam_preprint.DAdaptAdamPreprint",
        ),
        (
            OptimizerSettings(optimizer_type="Adafactor", optimizer_args="relative_step=False warmup_init=True"),
            "transformers.optimization.Adafactor(relative_step=True,warmup_init=True)",
        ),
    ):
        assert optimizers.choose(settings).label == want


def test_adafactor_with_its_own_rate_takes_none():
    problem = Problem()
    optimizer = optimizers.choose(OptimizerSettings(optimizer_type="Adafactor")).build(problem.groups())
    assert [group["lr"] for group in optimizer.param_groups] == [None, None]
    start = problem.loss().item()
    problem.train(optimizer, 60)
    assert problem.loss() < 0.5 * start and optimizers.effective(optimizer) is None


@pytest.mark.parametrize("name", ["Prodigy", "DAdaptAdamPreprint", "DAdaptAdam", "DAdaptLion", "DAdaptSGD"])
def test_one_that_finds_the_rate_has_one_for_all_and_tells_it(name):
    """They refuse groups of different rates in the middle of a run; LoRA+ and a text encoder's rate would be that."""
    problem = Problem()
    groups = [group | {"lr_scale": scale} for group, scale in zip(problem.groups(), (1.0, 16.0), strict=True)]
    optimizer = optimizers.choose(OptimizerSettings(optimizer_type=name, learning_rate=0.5)).build(groups)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]
    assert [group["lr_scale"] for group in optimizer.param_groups] == [1.0, 1.0]
    problem.train(optimizer, 3)
    assert optimizers.effective(optimizer) == optimizer.param_groups[0]["d"] * 0.5 > 0


def test_effective_is_none_for_the_others():
    for name in ("AdamW", "torch.optim.Adafactor"):
        settings = OptimizerSettings(optimizer_class=name)
        assert optimizers.effective(optimizers.choose(settings).build(Problem().groups())) is None


def test_a_network_that_the_class_cannot_train_gets_one_sentence():
    groups = [
        {
            "params": [
                torch.nn.Parameter(torch.zeros(2, 2), requires_grad=True),
            ],
            "lr_scale": 1.0,
        }
    ] * 2
    with pytest.raises(AthanorError, match="AdamW cannot train this network"):
        optimizers.choose(OptimizerSettings()).build(groups)


def test_the_trial_draws_nothing():
    before = torch.random.get_rng_state()
    optimizers.choose(OptimizerSettings())
    assert torch.equal(before, torch.random.get_rng_state())


def test_what_torch_has_fused_kernels_for():
    """Adagrad's, asked for on CUDA, fails at the first step."""
    kinds = {
        cls.__name__: cls for cls in (torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad, torch.optim.RMSprop)
    }
    found = {
        (name, device)
        for name, cls in kinds.items()
        for device in ("cpu", "cuda")
        if optimizers.can_be_fused(cls, device)
    }
    both = {(name, device) for name in ("AdamW", "SGD") for device in ("cpu", "cuda")}
    assert found == both | {("Adagrad", "cpu")}


def test_an_optimizer_is_tried_where_training_will_be(monkeypatch):
    """E23: on the device that the host names. A CUDA that is there need not be it (--cpu), and a card need not be CUDA's."""
    tried = []

    class Noting(torch.optim.SGD):
        def step(self, closure=None):
            tried.extend(p.device.type for group in self.param_groups for p in group["params"])

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(optimizers, "_load", lambda name: Noting)
    settings = OptimizerSettings(optimizer_type="SGDNesterov")
    optimizers.choose(settings)
    assert set(tried) == {"cpu"}
    tried.clear()
    there = torch.device("meta")
    choice = optimizers.choose(settings, there)
    assert set(tried) == {"meta"} and len(tried) == 2  # two weights, one step
    choice.build(Problem().groups())  # what is made of it is not tried again
    assert choice.label.endswith("Noting(momentum=0.9,nesterov=True)") and len(tried) == 2
