"""Learning rates over a run: sd-scripts' own values."""

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.optim import schedulers
from athanor.training_core.settings import OptimizerSettings, parse

STEPS = (0, 1, 5, 10, 11, 25, 50, 75, 90, 99, 100)
COSINE = [1, 0.999753, 0.993844, 0.975528, 0.970440, 0.853553, 0.5, 0.146447, 0.024472, 0.000247, 0]
COSINE_10 = [0, 0.1, 0.5, 1, 0.999695, 0.933013, 0.586824, 0.178606, 0.030154, 0.000305, 0]
LINEAR_10 = [0, 0.1, 0.5, 1, 0.988889, 0.833333, 0.555556, 0.277778, 0.111111, 0.011111, 0]
VECTORS = [
    ("cosine", {}, COSINE),
    ("cosine", {"lr_scheduler_num_cycles": 3}, COSINE),
    ("cosine", {"lr_warmup_steps": "10"}, COSINE_10),
    ("cosine", {"lr_warmup_steps": "0.1"}, COSINE_10),
    ("cosine", {"lr_warmup_steps": "10%"}, COSINE_10),
    ("cosine", {"lr_warmup_steps": 10}, COSINE_10),
    ("linear", {"lr_warmup_steps": "10"}, LINEAR_10),
    (
        "cosine_with_restarts",
        {"lr_warmup_steps": "10", "lr_scheduler_num_cycles": 3},
        [0, 0.1, 0.5, 1, 0.997261, 0.5, 0.75, 0.933013, 0.25, 0.002739, 0],
    ),
    (
        "polynomial",
        {"lr_scheduler_power": 2.0},
        [1, 0.9801, 0.9025, 0.81, 0.7921, 0.5625, 0.25, 0.0625, 0.01, 0.0001, 1e-7],
    ),
    (
        "inverse_sqrt",
        {"lr_warmup_steps": "10"},
        [0, 0.1, 0.5, 1, 0.953463, 0.632456, 0.447214, 0.365148, 0.333333, 0.317821, 0.316228],
    ),
    (
        "cosine_with_min_lr",
        {"lr_scheduler_min_lr_ratio": 0.1},
        [1, 0.999778, 0.99446, 0.977975, 0.973396, 0.868198, 0.55, 0.231802, 0.122025, 0.100222, 0.1],
    ),
    (
        "warmup_stable_decay",
        {"lr_warmup_steps": "10", "lr_decay_steps": "20", "lr_scheduler_min_lr_ratio": 0.1},
        [0.1, 0.19, 0.55, 1, 1, 1, 1, 1, 0.55, 0.10554, 0.1],
    ),
    (
        "warmup_stable_decay",
        {"lr_warmup_steps": "10%", "lr_decay_steps": "0.2", "lr_scheduler_min_lr_ratio": 0.1},
        [0.1, 0.19, 0.55, 1, 1, 1, 1, 1, 0.55, 0.10554, 0.1],
    ),
    ("constant_with_warmup", {"lr_warmup_steps": "10"}, [0, 0.1, 0.5, 1, 1, 1, 1, 1, 1, 1, 1]),
    ("constant", {"lr_warmup_steps": "10"}, [1] * 11),
    # diffusers' example: 1 for 10 steps, 0.1 until 20, 0.01 until 30, then 0.005
    (
        "piecewise_constant",
        {"lr_step_rules": '"1:10,0.1:20,0.01:30,0.005"'},
        [1, 1, 1, 0.1, 0.1, 0.01, 0.005, 0.005, 0.005, 0.005, 0.005],
    ),
    (
        "piecewise_constant",
        {"lr_step_rules": "1:10%, 0.5:0.9, 0"},
        [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 0, 0],
    ),
    # (1 - p) / (1 - p / 2)
    ("rex", {}, [1, 0.99 / 0.995, 0.95 / 0.975, 0.9 / 0.95, 0.89 / 0.945, 6 / 7, 2 / 3, 0.4, 2 / 11, 2 / 101, 0]),
]


@pytest.mark.parametrize(("name", "values", "want"), VECTORS)
def test_vectors(name, values, want):
    settings = OptimizerSettings(lr_scheduler=name, learning_rate=1.0, **values)
    got = [schedulers.learning_rate(settings, step, 100) for step in STEPS]
    assert got == pytest.approx(want, abs=1e-6)


def test_the_vector_of_two_processes():
    """sd-scripts moves its schedule by one step per process: the same curve, at every second step of 200."""
    settings = OptimizerSettings(lr_scheduler="cosine", lr_warmup_steps="10")
    got = [schedulers.multiplier(settings, 2 * step, 200) for step in STEPS]
    want = [0, 0.2, 1, 0.993181, 0.990190, 0.894570, 0.541290, 0.161359, 0.027091, 0.000273, 0]
    assert got == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("name", [*schedulers.CURVES])
@pytest.mark.parametrize("total", [1, 2, 7])
@pytest.mark.parametrize("warmup", ["0", "1", "50%", "20"])
def test_short_runs_have_finite_rates(name, total, warmup):
    settings = OptimizerSettings(lr_scheduler=name, lr_warmup_steps=warmup, lr_decay_steps="3", lr_step_rules="1:3,0.1")
    rates = [schedulers.learning_rate(settings, step, total) for step in range(total + 2)]
    assert all(0 <= rate <= 1e-4 * (1 + 1e-9) for rate in rates)


def test_polynomial_ends_at_its_floor_whatever_the_rate():
    for rate in (1e-3, 1e-5):
        settings = OptimizerSettings(lr_scheduler="polynomial", learning_rate=rate)
        assert schedulers.learning_rate(settings, 100, 100) == pytest.approx(1e-7)


def test_rates_of_their_own():
    """Schedule-free: constant. Adafactor: min(0.01, 1 / sqrt(step)), or a slow rise of 1e-6 a step."""
    free = OptimizerSettings(optimizer_type="AdamWScheduleFree", lr_scheduler="cosine", lr_warmup_steps="10")
    assert {schedulers.learning_rate(free, step, 100) for step in STEPS} == {1e-4}
    own = OptimizerSettings(optimizer_type="Adafactor", lr_scheduler="cosine")
    assert schedulers.learning_rate(own, 0, 100) == 0.01
    assert schedulers.learning_rate(own, 39_999, 50_000) == pytest.approx(0.005)
    slow = OptimizerSettings(optimizer_type="Adafactor", optimizer_args="warmup_init=True", lr_scheduler="adafactor")
    assert schedulers.learning_rate(slow, 99, 100) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("text", "steps"),
    [("", 0), ("0", 0), (" 25 ", 25), (".05", 10), ("5%", 10), ("7.5 %", 15), ("100%", 200), (0.0, 0)],
)
def test_lengths(text, steps):
    assert OptimizerSettings(lr_warmup_steps=text).warmup(200) == steps


@pytest.mark.parametrize("text", ["1.0", "99.9", "-1", "five", "120%", "nan", "%", "5 %%"])
def test_wrong_lengths_get_one_sentence(text):
    with pytest.raises(AthanorError, match=r"lr_decay_steps is '.*': it must be a whole number of steps"):
        parse(OptimizerSettings, {"lr_decay_steps": text})


def test_what_cannot_be_had_is_said():
    for values, words in (
        ({"lr_scheduler": "adafactor"}, "adafactor is only for optimizer_type Adafactor"),
        (
            {"lr_scheduler": "adafactor", "optimizer_type": "Adafactor", "optimizer_args": "relative_step=False"},
            "adafactor is only for optimizer_type Adafactor",
        ),
        ({"lr_scheduler": "piecewise_constant"}, "lr_step_rules: piecewise_constant needs rules"),
    ):
        with pytest.raises(AthanorError, match=words):
            schedulers.check(OptimizerSettings(**values))
    with pytest.raises(AthanorError, match="lr_step_rules is '1;10': it must be pairs"):
        parse(OptimizerSettings, {"lr_step_rules": "1;10"})
    schedulers.check(OptimizerSettings(lr_scheduler="adafactor", optimizer_type="Adafactor"))
