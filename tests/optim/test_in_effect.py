"""What is trained with equals what was asked for, and what has no effect is at its default."""

from itertools import product
from typing import get_args

import pytest
from athanor.training_core.optim import names, rates
from athanor.training_core.optim.in_effect import in_effect
from athanor.training_core.optim.schedulers import learning_rate
from athanor.training_core.settings import OptimizerSettings

SCHEDULES = get_args(OptimizerSettings.model_fields["lr_scheduler"].annotation)
ALL = {
    "lr_warmup_steps": "3",
    "lr_decay_steps": "20%",
    "lr_scheduler_num_cycles": 3,
    "lr_scheduler_power": 2.0,
    "lr_scheduler_timescale": 7,
    "lr_scheduler_min_lr_ratio": 0.2,
    "lr_step_rules": "1:5, 0.1",
    "learning_rate": 0.3,
}


@pytest.mark.parametrize(
    ("optimizer", "schedule"), [*product(("AdamW", "AdamWScheduleFree"), SCHEDULES[:-1]), ("Adafactor", "cosine")]
)
def test_the_learning_rate_is_the_same_at_every_step(optimizer, schedule):
    asked = OptimizerSettings(optimizer_type=optimizer, lr_scheduler=schedule, **ALL)
    trained = in_effect(asked, optimizer, unet=True, text=False)
    assert [learning_rate(asked, step, 20) for step in range(20)] == [
        learning_rate(trained, step, 20) for step in range(20)
    ]
    for name in ALL.keys() - {"learning_rate"}:  # what is still told makes a difference
        default = OptimizerSettings.model_fields[name].default
        if getattr(trained, name) != default:
            other = trained.model_copy(update={name: default})
            assert [learning_rate(other, s, 20) for s in range(20)] != [learning_rate(asked, s, 20) for s in range(20)]


def test_rates_of_what_is_not_trained():
    asked = OptimizerSettings(unet_lr="2e-4", text_encoder_lr="5e-5, 0")
    both = in_effect(asked, "AdamW", unet=True, text=True)
    assert (both.unet_lr, both.text_encoder_lr) == ("2e-4", "5e-5, 0")
    assert in_effect(asked, "AdamW", unet=True, text=False).text_encoder_lr == ""
    assert in_effect(asked, "AdamW", unet=False, text=True).unet_lr == ""
    own = asked.model_copy(update={"optimizer_type": "Adafactor"})
    assert names.relative_step(own)
    trained, parts = in_effect(own, "Adafactor", unet=True, text=True), ("unet", "te1", "te2")
    assert (trained.unet_lr, trained.lr_scheduler) == ("", "adafactor")
    assert [bool(f) for f in rates.factors(trained, parts).values()] == [True, True, False]


@pytest.mark.parametrize(
    ("asked", "unet", "told"),
    [
        ({"unet_lr": "2e-4", "text_encoder_lr": "5e-5, 1e-5"}, True, "2e-4"),
        ({"text_encoder_lr": "0.5"}, True, ""),
        ({"text_encoder_lr": "0.5, 0"}, True, "1, 0"),
        ({"unet_lr": "0", "text_encoder_lr": "0.5, 0.2"}, True, "0.5"),
        ({"text_encoder_lr": "0, 0.2, 0.3"}, False, "0, 0.2, 0.2"),
        ({}, True, ""),
    ],
)
def test_an_optimizer_that_finds_the_rate_has_one_for_all_parts(asked, unet, told):
    """The rates that are told are those that the optimizer gets."""
    settings = OptimizerSettings(optimizer_type="Prodigy", learning_rate=1.0, **asked)
    trained = in_effect(settings, "Prodigy", unet=unet, text=True)
    assert trained.text_encoder_lr == told
    parts = [*(["unet"] if unet else []), "te1", "te2", "te3"]
    factors = [factor for factor in rates.factors(settings, parts).values() if factor]
    assert [factor for factor in rates.factors(trained, parts).values() if factor] == [factors[0]] * len(factors)


def test_the_optimizer_that_is_used():
    asked = OptimizerSettings(optimizer_type="AdamW8bit", optimizer_fallback=True)
    assert in_effect(asked, "AdamW", unet=True, text=False).optimizer_type == "AdamW"
    named = in_effect(OptimizerSettings(optimizer_class="lion"), "Lion", unet=True, text=False)
    assert (named.optimizer_type, named.optimizer_class) == ("Lion", "")
    own = OptimizerSettings(optimizer_class="torch.optim.Adamax")
    assert in_effect(own, "torch.optim.Adamax", unet=True, text=False) == own
    old = OptimizerSettings(optimizer_type="DAdaptation")
    assert in_effect(old, "DAdaptation", unet=True, text=False).optimizer_type == "DAdaptAdamPreprint"
