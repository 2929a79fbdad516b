"""Neighbours of a word are found as difflib finds them among all."""

import difflib
import random

from athanor.training_core.data.doctor.spelling import Neighbours


def vocabulary(count: int) -> list[str]:
    rng = random.Random(0)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = {"".join(rng.choices(syllables, k=rng.randrange(2, 7))) for _ in range(count)}
    return [*sorted(words), "aaaaaaaa", "aaaaaaa", "abababab", "hair", "猫の耳飾り", "猫の耳飾りり"]


def misspelt(word: str, rng: random.Random) -> str:
    letters = list(word)
    for _ in range(rng.randrange(1, 3)):
        place = rng.randrange(len(letters))
        letters[place : place + rng.randrange(2)] = rng.choice(["", "x", letters[place] * 2])
    return "".join(letters)


def test_the_same_as_difflib_among_all():
    words, rng, looked, found = vocabulary(400), random.Random(1), 0, 0
    neighbours = Neighbours(words)
    for _ in range(150):
        word = misspelt(rng.choice(words), rng)
        expected = difflib.get_close_matches(word, words, 3, 0.85)
        assert neighbours.of(word) == expected, word
        looked, found = looked + len(neighbours.candidates(word)), found + bool(expected)
    assert found > 60 and looked < 150 * 10  # of 400 each


def test_nothing_to_look_among():
    assert Neighbours([]).of("word") == [] and Neighbours(["word"]).of("") == []
