"""Settings that fight each other are named; settings that get on are not."""

import pytest
from athanor.training_core.optim.hints import hints
from athanor.training_core.settings import NetworkSettings, OptimizerSettings

DAP = {"optimizer_type": "DAdaptAdamPreprint", "learning_rate": 1.0}


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        ({"lr_warmup_steps": "10"}, {}, "lr_warmup_steps has no effect with lr_scheduler constant"),
        ({"lr_scheduler": "cosine", "lr_warmup_steps": "100"}, {}, "the full learning rate is never reached"),
        ({"lr_scheduler": "cosine", "lr_scheduler_num_cycles": 3}, {}, "lr_scheduler_num_cycles has no effect"),
        ({"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 5}, {}, "more than 4 restarts"),
        ({"learning_rate": 0.0}, {}, "learning_rate is 0: nothing is learned"),
        ({"lr_scheduler": "cosine_with_min_lr"}, {}, "falls to 0 like cosine"),
        ({"lr_scheduler": "warmup_stable_decay"}, {}, "never lowers"),
        (
            {"lr_scheduler": "warmup_stable_decay", "lr_warmup_steps": "60", "lr_decay_steps": "50%"}, {},
            "are 110 together, but the run has 100 steps",
        ),
        (DAP | {"learning_rate": 1e-4}, {}, "DAdaptAdamPreprint finds the learning rate itself"),
        (DAP, {"min_snr_gamma": 5.0}, "min_snr_gamma together with DAdaptAdamPreprint"),
        (DAP, {"factors": (1.0, 0.5)}, "supports only one learning rate: 1 is used for all"),
        ({"optimizer_type": "Prodigy"}, {}, "which is 0.0001; the given rate should be about 1"),
        (
            {"optimizer_type": "Prodigy", "learning_rate": 1.0, "lr_scheduler": "cosine", "lr_warmup_steps": "10%"}, {},
            "safeguard_warmup=True",
        ),
        ({"optimizer_class": "prodigyplus.ProdigyPlusScheduleFree"}, {}, "the given rate should be about 1"),
        ({"optimizer_type": "AdamWScheduleFree", "lr_scheduler": "cosine"}, {}, "follows no schedule"),
        ({"optimizer_type": "SGDScheduleFree", "ema_decay": 0.99, "learning_rate": 1.0}, {}, "averages the weights itself"),
        # Rates far outside of what the optimizer is used with.
        ({"learning_rate": 10.0}, {}, "learning_rate 10 is far from what AdamW is used with, 1e-6 to 1e-3: start with 1e-4"),
        ({"learning_rate": 1e-9}, {}, "learning_rate 1e-9 is far from"),
        ({"unet_lr": "5"}, {}, "Optimizer Config: unet_lr 5 is far from"),
        (
            {"unet_lr": "5", "text_encoder_lr": "0.5, 1e-5"}, {"network": NetworkSettings(train="unet + text encoder")},
            "unet_lr 5 and text_encoder_lr 0.5 are far from",
        ),
        ({"learning_rate": 3e-3}, {"network": NetworkSettings(algo="finetune")}, "AdamW is used with on a whole model, 1e-7 to 1e-4"),
        ({"optimizer_type": "Lion8bit", "learning_rate": 0.01}, {}, "what Lion8bit is used with, 1e-7 to 3e-4"),
        ({"optimizer_class": "torch.optim.SGD"}, {}, "learning_rate 1e-4 is far from what SGD is used with, 0.01 to 10"),
        ({"optimizer_type": "Adafactor", "unet_lr": "1e-4"}, {}, "learning_rate, unet_lr have no effect"),
        ({"optimizer_type": "Adafactor"}, {}, "learning_rate has no effect; add relative_step=False"),
        (
            {"optimizer_type": "Adafactor", "optimizer_args": "relative_step=False clip_threshold=2.0"}, {},
            "is usually used with max_grad_norm 0 and lr_scheduler constant_with_warmup and clip_threshold=1.0",
        ),
    ],
)  # fmt: skip
def test_hint(values, more, words):
    found = hints(OptimizerSettings(**values), 100, **more)
    assert len(found) == 1 and words in found[0] and found[0].endswith("."), found


@pytest.mark.parametrize(
    ("values", "more"),
    [
        ({}, {"min_snr_gamma": 5.0, "factors": (1.0, 16.0, 0.5)}),
        ({"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3, "lr_warmup_steps": "10%"}, {}),
        ({"optimizer_type": "Lion8bit", "lr_scheduler": "constant_with_warmup", "lr_warmup_steps": "50"}, {}),
        (DAP | {"optimizer_args": "decouple=True growth_rate=1.02"}, {"factors": (1.0, 1.0)}),
        ({"optimizer_type": "Prodigy", "learning_rate": 1.0}, {"min_snr_gamma": 5.0}),
        # learning_rate left alone, the rates of the parts are what counts
        ({"optimizer_type": "Prodigy", "unet_lr": "1", "text_encoder_lr": "1"}, {"factors": (1e4, 1e4)}),
        ({"optimizer_type": "AdamWScheduleFree"}, {}),
        # A rate that nothing is trained with, and rates that are unusual, but known to work.
        ({"learning_rate": 10.0, "unet_lr": "1e-4"}, {}),
        ({"text_encoder_lr": "5"}, {}),
        ({"learning_rate": 5e-3}, {"network": NetworkSettings(algo="ia3")}),
        ({"optimizer_class": "some.Own", "learning_rate": 10.0}, {}),
        (
            {"optimizer_type": "Adafactor", "optimizer_args": "relative_step=False", "max_grad_norm": 0.0,
             "lr_scheduler": "constant_with_warmup", "lr_warmup_steps": "5"},
            {},
        ),
    ],
)  # fmt: skip
def test_no_hint(values, more):
    assert hints(OptimizerSettings(**values), 100, **more) == []
