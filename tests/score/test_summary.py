"""Means with their noise, and the sentence that says what they show."""

from __future__ import annotations

import numpy as np
import pytest
from athanor.training_core.score.cache import PictureScore
from athanor.training_core.score.copies import Calibration
from athanor.training_core.score.summary import Checkpoint, Drawn, mean, mean_of_pairs, measured, variety, verdict

PROMPTS, SEEDS = ("a cat", "a dog", "a car"), (1, 2, 3)
CANNOT = Calibration(None, "Copies cannot be told from 3 different training pictures: that takes 8.", 3)
CAN = Calibration(0.8, "A copy is nearer than 0.80.", 12)


def score(likeness, copy=False, angle=0.0, **values):
    whole = np.array([np.cos(angle), np.sin(angle)], np.float32)
    return PictureScore(
        values={"likeness": likeness, **values}, nearest="a.png", nearest_value=0.5, copy=copy, whole=whole
    )


def checkpoint(name, likeness, *, copies=0, prompts=PROMPTS, seeds=SEEDS, noise=0.01, **values):
    rng = np.random.default_rng(len(name))
    places = [(prompt, seed) for prompt in prompts for seed in seeds]
    drawn = [
        Drawn(prompt, seed, score(likeness + noise * rng.standard_normal(), number < copies, **values))
        for number, (prompt, seed) in enumerate(places)
    ]
    return Checkpoint(labels=(name,), pictures=tuple(drawn))


def test_the_error_is_that_of_prompts_where_they_differ_more_than_seeds():
    even = mean([("a", 0.1), ("a", 0.3), ("b", 0.1), ("b", 0.3)])
    assert even == {"mean": 0.2, "error": pytest.approx(0.0577, abs=1e-3), "n": 4}
    # Pictures of one prompt are alike: the four are not four independent ones.
    uneven = mean([("a", 0.1), ("a", 0.1), ("b", 0.3), ("b", 0.3)])
    assert uneven["error"] == pytest.approx(0.1, abs=1e-3)
    assert mean([("a", 0.5)]) == {"mean": 0.5, "error": None, "n": 1}


def test_variety_is_the_distance_between_seeds_of_one_prompt():
    drawn = [
        Drawn("a", 1, score(0.5)),
        Drawn("a", 2, score(0.5, angle=np.pi / 2)),
        Drawn("b", 1, score(0.5, angle=1.0)),
    ]
    assert variety(drawn) == [("a", pytest.approx(1.0))]
    assert Checkpoint(labels=(), pictures=tuple(drawn)).measured()["variety"]["n"] == 1
    assert "variety" not in Checkpoint(labels=(), pictures=tuple(drawn[2:])).measured()


def test_pairs_that_share_a_picture_do_not_lower_the_noise_of_variety():
    """Four seeds make six pairs, of which two have no picture in common: six values had passed for six independent ones."""
    values = [("a", value) for value in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)]
    spread = np.std([value for _, value in values], ddof=1)
    assert mean_of_pairs(values) == {"mean": 0.35, "error": pytest.approx(spread / 2**0.5, abs=1e-4), "n": 6}
    assert mean_of_pairs(values[:3])["error"] is None  # of three seeds
    two_seeds_each = [("a", 0.1), ("b", 0.4), ("c", 0.2)]
    assert mean_of_pairs(two_seeds_each) == mean(two_seeds_each)
    rng = np.random.default_rng(0)  # what is told is at least what really varies
    told, means = [], []
    for _ in range(300):
        angles = rng.normal(0, 0.4, 6)
        drawn = [Drawn("a", seed, score(0.5, angle=angle)) for seed, angle in enumerate(angles)]
        found = Checkpoint(labels=(), pictures=tuple(drawn)).measured()["variety"]
        told.append(found["error"])
        means.append(found["mean"])
    assert np.mean(told) > 0.8 * np.std(means)


def test_a_verdict_names_evidence_and_noise():
    rows = [checkpoint("epoch 1", 0.5), checkpoint("epoch 2", 0.8), checkpoint("epoch 30", 0.8, noise=0.02, copies=4)]
    said = verdict(rows, False, CAN)
    assert "Most like the training pictures: epoch" in said and " over 3 prompts and 3 seeds)" in said
    assert "cannot be told apart from it: epoch" in said and "epoch 1 " not in said.partition("Pictures that")[0]
    assert "copies of training pictures: epoch 30 (4 of 9); look at them" in said
    assert "tell little" not in said and "weak" not in said


def test_what_is_too_little_is_said():
    rows = [
        checkpoint("epoch 1", 0.5, prompts=("a",), seeds=(1,)),
        checkpoint("epoch 2", 0.8, prompts=("a",), seeds=(1,)),
    ]
    said = verdict(rows, True, CANNOT)
    assert "1 prompt and 1 seed tell little" in said and CANNOT.said in said and "colours and edges alone" in said
    assert "±" not in said and "told apart" not in said
    assert "No picture looks like a copy" in verdict(rows, False, CAN)


def test_prompt_following_is_told_where_it_was_measured():
    rows = [checkpoint("epoch 1", 0.5, prompt=0.3), checkpoint("epoch 2", 0.8, prompt=0.2)]
    assert "Follows its prompt best: epoch 1 (0.300 ± 0.000 over 3 prompts and 3 seeds)." in verdict(rows, False, CAN)


def test_the_best_one_without_copies_is_named():
    """A copy has the highest likeness of all: the first one of the ranking alone had sent users to the copies."""
    rows = [checkpoint("epoch 1", 0.5), checkpoint("epoch 2", 0.7), checkpoint("epoch 3", 0.9, copies=2)]
    said = verdict(rows, False, CAN)
    assert "Most like the training pictures: epoch 3 (" in said and "Most like them without copies: epoch 2 (" in said
    assert "without copies" not in verdict(rows[:2], False, CAN)
    few = Checkpoint(labels=("epoch 4",), pictures=rows[0].pictures[:5])
    assert "epoch 4 (" in verdict([few, checkpoint("epoch 1", 0.1)], False, CAN)
    assert "over 5 pictures of 2 prompts and 3 seeds)" in verdict([few, checkpoint("epoch 1", 0.1)], False, CAN)


def test_errors_of_several_checkpoints_tell_them_apart():
    """Prompts at 0.2 and 0.3, as CLIP has it, gave each epoch an error of 0.05, beside which a fall of 0.02 was none."""
    base = {"a cat": 0.2, "a dog": 0.3}
    rng = np.random.default_rng(0)
    rows = [
        Checkpoint(
            labels=(f"epoch {epoch}",),
            pictures=tuple(
                Drawn(
                    prompt,
                    seed,
                    score(0.5, angle=0.3 * seed, prompt=value - 0.02 * epoch + 0.002 * rng.standard_normal()),
                )
                for prompt, value in base.items()
                for seed in (1, 2)
            ),
        )
        for epoch in (1, 2, 3)
    ]
    found = measured(rows)
    assert [each["prompt"]["mean"] for each in found] == [each.measured()["prompt"]["mean"] for each in rows]
    assert all(
        0 < each["prompt"]["error"] < 0.004 < each_alone.measured()["prompt"]["error"]
        for each, each_alone in zip(found, rows, strict=True)
    )
    assert all(
        each["variety"]["error"] == pytest.approx(0, abs=1e-4) for each in found
    )  # all of them turn by the same angle
    assert "Follows its prompt best: epoch 1 (0.2" in verdict(rows, False, CAN) and " ± 0.00" in verdict(
        rows, False, CAN
    )
    assert measured(rows[:1]) == [rows[0].measured()]


def test_pictures_of_two_negative_prompts_count_both():
    drawn = [Drawn("a", 1, score(value)) for value in (0.1, 0.3)]
    rows = [Checkpoint(labels=(name,), pictures=tuple(drawn)) for name in ("epoch 1", "epoch 2")]
    assert measured(rows)[0]["likeness"] == {"mean": 0.2, "error": 0.0, "n": 2}
