import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.optim import args, optimizers, schedulers
from athanor.training_core.settings import OptimizerSettings


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
        ("betas=0.9,2", "does not accept them"),
        ("weight_decay=__import__('os')", "the value of weight_decay"),
    ],
)
def test_wrong_arguments_get_one_sentence(text, words):
    with pytest.raises(AthanorError) as error:
        optimizers.resolve(OptimizerSettings(optimizer_args=text))
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["AdamW", "AdamW8bit", "Lion8bit"])
def test_every_optimizer_learns_and_repeats_itself(kind):
    def run():
        torch.manual_seed(0)
        weight = torch.nn.Parameter(torch.randn(64, 128))
        target = torch.randn(64, 128)
        settings = OptimizerSettings(
            optimizer_type=kind, optimizer_args="weight_decay=0.0 betas=0.9,0.95", learning_rate=0.05
        )
        optimizer = optimizers.build(settings, [{"params": [weight], "lr_scale": 1.0}])
        assert optimizer.param_groups[0]["betas"] == (0.9, 0.95)
        for _ in range(60):
            optimizer.zero_grad()
            loss = (weight - target).square().mean()
            loss.backward()
            optimizer.step()
        return loss.item(), weight.detach()

    (loss, weight), (_, again) = run(), run()
    assert loss < 0.2 and torch.equal(weight, again)


VECTORS = {  # columns: steps 0 1 5 10 11 25 50 75 90 99 100
    ("cosine", 0, 1): [1, 0.999753, 0.993844, 0.975528, 0.970440, 0.853553, 0.5, 0.146447, 0.024472, 0.000247, 0],
    ("cosine", 10, 1): [0, 0.1, 0.5, 1, 0.999695, 0.933013, 0.586824, 0.178606, 0.030154, 0.000305, 0],
    ("cosine", 0.1, 1): [0, 0.1, 0.5, 1, 0.999695, 0.933013, 0.586824, 0.178606, 0.030154, 0.000305, 0],
    ("cosine_with_restarts", 10, 3): [0, 0.1, 0.5, 1, 0.997261, 0.5, 0.75, 0.933013, 0.25, 0.002739, 0],
    ("constant_with_warmup", 10, 1): [0, 0.1, 0.5, 1, 1, 1, 1, 1, 1, 1, 1],
    ("constant", 10, 1): [1] * 11,
}


@pytest.mark.parametrize("key", VECTORS)
def test_schedules(key):
    name, warmup, cycles = key
    settings = OptimizerSettings(lr_scheduler=name, lr_warmup_steps=warmup, lr_scheduler_num_cycles=cycles)
    got = [schedulers.multiplier(settings, step, 100) for step in (0, 1, 5, 10, 11, 25, 50, 75, 90, 99, 100)]
    assert got == pytest.approx(VECTORS[key], abs=1e-6)
