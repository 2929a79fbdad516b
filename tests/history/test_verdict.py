"""What is said of a run's numbers, and when nothing is."""

import math
import random

from athanor.training_core.history.verdict import judge


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


def test_still_falling():
    values = [100.0 * 0.97**i for i in range(12)]
    assert "still falling" in words(values, True)[0][1] and "still falling" in words(values, False)[0][1]


def test_training_pictures_say_nothing_about_overfitting():
    found = words([100.0, 93.0, 90.0, 89.1, 88.9, 89.0, 88.95, 89.0], False)
    assert found[0][0] == "good" and "flat since step" in found[0][1]
    assert found[1][0] == "unknown" and "Judge by the sample pictures" in found[1][1]


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
