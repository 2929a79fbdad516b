"""Pictures are grouped as if each were compared with each, at a cost that grows with their number."""

import numpy as np
import pytest
from athanor.training_core.data.doctor import grouping
from athanor.training_core.data.doctor.alike import hashes
from athanor.training_core.data.doctor.grouping import Look, group, same


def scenes(count: int, different: int = 5, seed: int = 0) -> np.ndarray:
    """Thumbnails (count, 32, 32, 3) of a few scenes, each a little different."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (different, 4, 4, 3)).repeat(8, 1).repeat(8, 2)
    return np.clip(blocks[np.arange(count) % different] + rng.normal(0, 4, (count, 32, 32, 3)), 0, 255).astype(np.uint8)


def slow(thumbs: np.ndarray, others: np.ndarray, distance: int) -> list[tuple[int, ...]]:
    """Each compared with each."""
    a, b = hashes(thumbs), hashes(others)
    number = list(range(len(thumbs)))
    for i in range(len(thumbs)):
        near = [j for j in range(i + 1, len(thumbs)) if (a[i] != b[j]).sum() <= distance]
        for j in (j for j, yes in zip(near, same(thumbs[[i] * len(near)], others[near]), strict=True) if yes):
            number = [number[i] if n == number[j] else n for n in number]
    groups = [tuple(i for i, n in enumerate(number) if n == m) for m in set(number)]
    return sorted(g for g in groups if len(g) > 1)


def look(thumbs: np.ndarray) -> Look:
    return Look.of(thumbs, hashes(thumbs))


def mixed() -> np.ndarray:
    """Scenes, the same mirrored, flat pictures of many colours, soft ones, and noise."""
    rng = np.random.default_rng(1)
    flat = np.tile(rng.integers(0, 256, (40, 1, 1, 3), dtype=np.uint8), (1, 32, 32, 1))
    soft = np.clip(120 + 0.1 * (scenes(30, 15, 2).astype(float) - 120), 0, 255).astype(np.uint8)
    noise = rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    return np.concatenate([scenes(30, 7), scenes(14, 7)[:, :, ::-1], flat, soft, noise])


@pytest.mark.parametrize("distance", [2, 12])
def test_the_groups_are_those_of_each_with_each(distance: int, monkeypatch):
    monkeypatch.setattr(grouping, "_ROWS", 64)
    monkeypatch.setattr(grouping, "_CHUNK", 32)
    thumbs, mirrored = mixed(), mixed()[:, :, ::-1]
    near = group(look(thumbs), look(thumbs), distance)
    assert near.listed() == slow(thumbs, thumbs, distance) and len(near.listed()) > 10
    assert group(look(thumbs), look(mirrored), distance).listed() == slow(thumbs, mirrored, distance)


def test_pictures_of_few_scenes_are_hardly_compared(monkeypatch):
    """1,000 pictures of 5 scenes have 100,000 pairs of alike ones."""
    compared = []
    monkeypatch.setattr(grouping, "same", lambda a, b: compared.append(len(a)) or same(a, b))
    seen = look(scenes(1000))
    near = group(seen, seen, 6)
    assert [len(g) for g in near.listed()] == [200] * 5 and sum(compared) < 4 * 1000
    compared.clear()
    assert group(seen, seen, 6, apart=near.number).listed() == [] and not compared


def test_comparing_ends_where_all_are_alike_and_none_is_the_same(monkeypatch):
    monkeypatch.setattr(grouping, "_MOST", 1000)
    compared = []
    monkeypatch.setattr(grouping, "same", lambda a, b: compared.append(len(a)) or np.zeros(len(a), bool))
    seen = look(scenes(300, 1))
    assert group(seen, seen, 6).listed() == [] and sum(compared) <= 30 * 300


def test_it_tells_how_far_it_is_and_can_be_ended():
    seen, told = look(scenes(600)), []

    def tick(done, total):
        told.append((done, total))
        if done >= 256:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        group(seen, seen, 6, tick=tick)
    assert told[-1] == (256, 600)
