"""Learning rates of the parts of a model."""

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.optim import rates
from athanor.training_core.settings import OptimizerSettings, parse

PARTS = ["unet", "te1", "te2", "te3"]


@pytest.mark.parametrize(
    ("unet", "encoders", "want"),
    [
        ("", "", [1e-4, 1e-4, 1e-4, 1e-4]),
        ("2e-4", "", [2e-4, 1e-4, 1e-4, 1e-4]),
        ("", "5e-5", [1e-4, 5e-5, 5e-5, 5e-5]),
        ("", "5e-5, 2e-5", [1e-4, 5e-5, 2e-5, 2e-5]),
        ("", "5e-5 2e-5 0", [1e-4, 5e-5, 2e-5, 0]),
        ("0", "5e-5", [0, 5e-5, 5e-5, 5e-5]),
    ],
)
def test_as_sd_scripts_reads_them(unet, encoders, want):
    settings = OptimizerSettings(unet_lr=unet, text_encoder_lr=encoders)
    found = rates.factors(settings, PARTS)
    assert [factor * 1e-4 for factor in found.values()] == pytest.approx(want) and list(found) == PARTS


def test_groups_that_are_not_trained_are_left_out():
    groups = [
        {"params": ["a"], "lr_scale": 1.0},
        {"params": ["b"], "lr_scale": 16.0},
        {"params": ["c"], "lr_scale": 1.0, "part": "te1"},
        {"params": ["d"], "lr_scale": 16.0, "part": "te2"},
    ]
    settings = OptimizerSettings(learning_rate=1e-4, unet_lr=2e-4, text_encoder_lr="0, 1e-4")
    found = rates.scaled(settings, groups)
    assert [(g["params"], g["lr_scale"]) for g in found] == [(["a"], 2.0), (["b"], 32.0), (["d"], 16.0)]
    assert groups[0]["lr_scale"] == 1.0
    assert rates.scaled(OptimizerSettings(), groups) == groups


def test_nothing_left_or_nothing_to_follow_is_said():
    with pytest.raises(AthanorError, match="unet_lr is 0: nothing is left to train"):
        rates.factors(OptimizerSettings(unet_lr="0"), ["unet"])
    with pytest.raises(AthanorError, match="unet_lr and text_encoder_lr are 0"):
        rates.factors(OptimizerSettings(unet_lr="0", text_encoder_lr="0"), ["unet", "te1"])
    with pytest.raises(AthanorError, match="learning_rate is 0: unet_lr and text_encoder_lr need it"):
        rates.factors(OptimizerSettings(learning_rate=0, unet_lr="1e-4"), ["unet"])
    assert rates.factors(OptimizerSettings(learning_rate=0), ["unet"]) == {"unet": 1.0}


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("unet_lr", "1e-4, 1e-4", "unet_lr is '1e-4, 1e-4': it takes at most 1"),
        ("text_encoder_lr", "1 1 1 1", "it takes at most 3"),
        ("text_encoder_lr", "small", "text_encoder_lr is 'small': it must be learning rates from 0 to 10"),
        ("unet_lr", "-1", "unet_lr is '-1': it must be learning rates"),
    ],
)
def test_wrong_rates_get_one_sentence(field, text, words):
    with pytest.raises(AthanorError) as error:
        parse(OptimizerSettings, {field: text})
    assert words in str(error.value)
