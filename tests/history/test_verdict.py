"""What is said of a run's numbers, and when nothing is."""

import math
import random

import pytest
from athanor.training_core.history.verdict import harmed, judge


def measured(values, every=50):
    return [(i * every, v) for i, v in enumerate(values)]


def words(values, held_out, losses=(1.0,) * 50, checkpoints=()):
    return [(s.kind, s.text) for s in judge(measured(values), held_out, losses, checkpoints)]


def test_too_few_measurements_are_no_evidence():
    for values in ([], [100.0], [100.0, 80.0, 70.0, 60.0]):
        found = words(values, True)
        assert [kind for kind, _ in found] == ["unknown"] and "Not enough evidence" in found[0][1]


def test_a_turn_of_held_out_pictures_names_the_epochs():
    values = [100.0, 98.0, 96.9, 96.2, 96.1, 96.6, 97.1, 97.7, 98.2]
    kind, text = words(values, True, checkpoints=[(100, 2), (200, 4), (250, 5), (400, 8)])[0]
    assert kind == "note" and "lowest at step 200, 96.1 %" in text and "+2.1 points over 4 measurements" in text
    assert "epoch 4 (step 200)" in text and "epoch 8" not in text


def test_two_measurements_are_no_turn():
    kind, text = words([100.0, 98.0, 96.9, 96.2, 96.1, 96.0, 96.6, 97.1], True)[0]
    assert kind != "note" and "overfits" not in text


def test_noise_is_no_turn():
    rng, wrong = random.Random(1), 0
    for _ in range(1000):
        found = words([100.0] + [95.0 + rng.gauss(0, 0.8) for _ in range(14)], True)
        assert all(kind != "bad" for kind, _ in found)
        wrong += any("overfits" in text for _, text in found)
    assert wrong < 10


def test_an_average_is_advised_where_the_probe_cannot_tell_the_last_files_apart():
    """And only there: not while it falls, nor where it has turned."""
    flat, files = [100.0, 95.0, 91.0, 90.1, 89.9, 90.2, 89.8, 90.1], [(50 * n, n) for n in range(1, 8)]
    kind, text = words(flat, True, checkpoints=files)[1]
    assert kind == "note" and text.startswith(
        "The probe cannot tell the last 5 saved files apart: mean(last 5) in epochs"
    )
    assert len(words(flat, True, checkpoints=files[-2:])) == 1  # two files are no choice
    for values in ([100.0 * 0.97**i for i in range(8)], [100.0, 98.0, 96.9, 96.2, 96.1, 96.6, 97.1, 97.7, 98.2]):
        assert not any("mean(" in text for _, text in words(values, True, checkpoints=files))


def test_still_falling():
    values = [100.0 * 0.97**i for i in range(12)]
    assert "still falling" in words(values, True)[0][1] and "still falling" in words(values, False)[0][1]


def test_training_pictures_say_nothing_about_overfitting():
    found = words([100.0, 93.0, 90.0, 89.1, 88.9, 89.0, 88.95, 89.0], False)
    assert found[0][0] == "good" and "flat since step" in found[0][1]
    assert found[1][0] == "unknown" and "Judge by the sample pictures" in found[1][1]


def test_a_probe_that_is_flat_from_the_start_has_learned_nothing():
    said = words([100.0, 99.96, 99.93, 99.91, 99.9, 99.88, 99.88], False)[0][1]
    assert "Not enough evidence that the LoRA has learned" in said and "flat since" not in said


def test_nothing_learned_and_made_worse():
    flat = [100.0, 100.1, 99.9, 100.05, 99.95, 100.1, 99.9]
    for held_out in (True, False):
        assert "Not enough evidence that the LoRA has learned" in words(flat, held_out)[0][1]
        assert words([100.0, 104.0, 109.0, 113.0, 118.0, 122.0], held_out)[0][0] == "bad"


def test_broken_losses_come_first():
    found = words([], False, losses=[1.0] * 90 + [math.nan] * 10)
    assert found[0][0] == "bad" and "10.0 %" in found[0][1]
    found = words([], False, losses=[0.1] * 200 + [5.0] * 100)
    assert found[0][0] == "bad" and "loss diverges" in found[0][1]


def test_a_run_in_which_nothing_moved():
    (sentence,) = judge(measured([100.0] * 9), False, (1.0,) * 50, still=True)
    assert sentence.kind == "bad" and sentence.text.startswith("Nothing was learned")


def text_of(values, held_out=False, losses=(1.0,) * 50):
    return " ".join(text for _, text in words(values, held_out, losses))


@pytest.mark.parametrize("held_out", [False, True], ids=["training", "held out"])
@pytest.mark.parametrize(
    "values",
    [
        [100.0, 838.0, 412.0, 260.0, 171.0, 195.0],  # AdamW at a learning rate of 10
        [100.0, 838.0, 60.0, 700.0, 90.0, 195.0],  # its noise is larger than what it ends above
        [100.0, 90.0, 80.0, 95.0, 120.0, 150.0],
        [100.0, 101.0, 102.0, 103.0, 104.0, 105.0],
        [100.0, 195.0],
        [100.0, 60.0, 195.0],
        [100.0, 80.0, math.nan],
        [100.0, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan],
    ],
)
def test_a_probe_that_ends_above_its_start_is_bad_whatever_its_noise(values, held_out):
    kinds = [kind for kind, _ in words(values, held_out)]
    assert kinds[0] == "bad" and harmed(measured(values))
    said = text_of(values, held_out)
    assert "ower the learning rate" in said and "higher" not in said and "Not enough evidence" not in said


def test_the_worst_of_a_run_that_ends_badly_is_named():
    assert "195.0 % of the start, 838.0 % at its worst (step 50)" in text_of([100.0, 838.0, 412.0, 260.0, 171.0, 195.0])
    told = " ".join(
        s.text
        for s in judge(measured([100.0, 90.0, 80.0, 95.0, 120.0, 150.0]), True, (1.0,) * 50, [(100, 2), (250, 5)])
    )
    assert "was at 80.0 % at step 100" in told and "epoch 2 (step 100)" in told


def test_a_spike_that_comes_back_was_unstable():
    spike = [100.0, 838.0, 300.0, 120.0, 80.0, 60.0, 58.0]
    assert words(spike, False)[0][0] == "bad" and harmed(measured(spike))
    assert "at 838.0 % of the start at step 50 before it came back to 58.0 %" in text_of(
        spike
    ) and "higher" not in text_of(spike)
    low = [100.0, 80.0, 70.0, 65.0, 62.0, 61.0]
    assert not harmed(measured(low)) and "unstable" not in text_of(low)


@pytest.mark.parametrize(
    ("values", "losses", "higher"),
    [
        ([100.0, 99.9, 99.8, 99.9, 99.8, 99.9], (0.1,) * 50, True),
        ([100.0, 99.9, 99.8, 99.9, 99.8, 99.9], (0.1,) * 25 + (0.3,) * 25, False),  # the loss has risen
        ([100.0, 120.0, 90.0, 115.0, 90.0, 99.0], (0.1,) * 50, False),  # the probe has been above its start
    ],
)
def test_a_higher_rate_only_where_nothing_has_gone_up(values, losses, higher):
    said = text_of(values, losses=losses)
    assert "Not enough evidence that the LoRA has learned" in said and ("higher learning rate" in said) == higher


@pytest.mark.parametrize(
    ("losses", "diverges"),
    [
        ([0.1] * 6 + [2.0] * 6 + [90.0] * 6, True),  # too short for tenths
        ([0.1] * 6 + [0.2] * 6 + [0.3] * 6, False),
        ([0.1, 0.5], False),
    ],
)
def test_a_loss_that_diverges_in_a_short_run_with_few_probes(losses, diverges):
    found = words([100.0, 99.0], False, losses=losses)
    assert ("loss diverges" in found[0][1]) == diverges and found[-1][0] == "unknown"


def shapes(rng, count):
    """(probes after the first, losses) of many kinds: monotone, spikes, noise, a rise after a fall, lost numbers; of any length."""
    for _ in range(count):
        drift, noise, spike = (
            rng.uniform(-0.3, 0.3),
            10 ** rng.uniform(-3, 2),
            rng.choice([0, 0, 10 ** rng.uniform(1, 5)]),
        )
        values, turn = [100.0], rng.randrange(1, 25)
        for i in range(1, rng.randrange(2, 25)):
            values.append(max(0.1, values[-1] * math.exp(drift if i < turn else -drift) + rng.gauss(0, noise)))
        values[rng.randrange(1, len(values))] += spike
        if rng.random() < 0.2:
            values[rng.randrange(1, len(values))] = math.nan
        rise = rng.uniform(-0.1, 0.3)
        yield values, [math.nan if rng.random() < 0.02 else 0.1 * math.exp(rise * i) for i in range(rng.randrange(60))]


def test_any_shape_gets_sentences_and_no_harm_is_called_good():
    for values, losses in shapes(random.Random(5), 3000):
        for held_out in (False, True):
            found = words(values, held_out, losses)
            said = " ".join(text for _, text in found)
            kinds = [kind for kind, _ in found]
            assert found and all(text.endswith(".") for _, text in found), values
            if not values[-1] <= 100:
                assert "good" not in kinds, values
            if not values[-1] <= 105:
                assert "bad" in kinds and "good" not in kinds, values
            if not all(value <= 105 for value in values if not math.isnan(value)) or math.isnan(values[-1]):
                assert "higher learning rate" not in said, values
