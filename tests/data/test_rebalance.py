"""Balance Repeats."""

import random
from pathlib import Path

import pytest
from athanor.training_core.data.dataset import Dataset, Picture
from athanor.training_core.data.rebalance import rebalance
from athanor.training_core.data.repeats import scaled
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import DatasetSettings, RebalanceSettings


def dataset(names: dict[str, tuple[int, str]], **settings) -> Dataset:
    pictures = (
        Picture(path=Path("/d") / n, name=n, content="", size=(8, 8), caption=caption, repeats=r)
        for n, (r, caption) in names.items()
    )
    return Dataset((DatasetSettings(folder="d", **settings),), tuple(pictures))


def folders(**counts: int) -> Dataset:
    return dataset({f"1_{f}/{i:02}.png": (1, "") for f, n in counts.items() for i in range(n)})


def sums(data: Dataset) -> dict[str, int]:
    result: dict[str, int] = {}
    for p in data.pictures:
        result[p.name.split("/")[0]] = result.get(p.name.split("/")[0], 0) + p.repeats
    return result


def test_folders_become_equal_and_the_spread_goes_by_name():
    data, table = rebalance(folders(a=10, b=4, c=3), RebalanceSettings())
    assert sums(data) == {"1_a": 10, "1_b": 10, "1_c": 10}
    assert [p.repeats for p in data.pictures] == [1] * 10 + [3, 3, 2, 2] + [4, 3, 3]
    assert table.split("\n")[1:] == [
        "1_a          10       1      1  33.3 %",
        "1_b           4       1    2-3  33.3 %",
        "1_c           3       1    3-4  33.3 %",
    ]


def test_the_order_of_pictures_does_not_matter():
    data = folders(a=7, b=3)
    turned = Dataset(data.subsets, data.pictures[::-1])
    first, second = (rebalance(d, RebalanceSettings())[0].pictures for d in (data, turned))
    assert {p.name: p.repeats for p in first} == {p.name: p.repeats for p in second}


def test_balancing_twice_is_balancing_once():
    once, _ = rebalance(folders(a=11, b=4, c=3), RebalanceSettings())
    again, _ = rebalance(once, RebalanceSettings())
    assert again is once


def test_cap_and_hint():
    data, table = rebalance(folders(a=50, b=1), RebalanceSettings(max_repeats=12))
    assert sums(data) == {"1_a": 50, "1_b": 12}
    assert "Below the largest group, because max_repeats is 12: 1_b." in table
    assert "max_repeats" not in rebalance(folders(a=5, b=1), RebalanceSettings())[1]


def test_many_repeats_are_never_lowered():
    data = dataset({"30_a/1.png": (30, ""), "1_b/1.png": (1, ""), "1_b/2.png": (1, "")})
    assert [p.repeats for p in rebalance(data, RebalanceSettings(max_repeats=5))[0].pictures] == [30, 5, 5]


def test_scaled_holds_its_promises():
    rng = random.Random(1)
    for _ in range(500):
        repeats = [rng.randint(1, 9) for _ in range(rng.randint(1, 8))]
        wanted, most = rng.randint(1, 200), rng.randint(1, 40)
        result = scaled(repeats, wanted, most)
        limit = sum(max(n, most) for n in repeats)
        assert sum(result) == max(sum(repeats), min(wanted, limit))
        assert all(old <= new <= max(old, most) for old, new in zip(repeats, result, strict=True))
        equal = [new for old, new in zip(repeats, result, strict=True) if old == repeats[0]]
        assert max(equal) - min(equal) <= 1


def test_tags_first_of_the_list_counts():
    data = dataset(
        {
            "a.png": (1, "From_Behind, x"),
            "b.png": (1, "front, from behind"),
            "c.png": (1, "front"),
            "d.png": (1, "a ||| 侧面;;;front_"),
            "e.png": (2, "A photo of a hat"),
        },
        keep_tokens_separator="|||",
        secondary_separator=";;;",
    )
    balanced, table = rebalance(data, RebalanceSettings(by="tags", tags="front, from behind\nno such"))
    assert [p.repeats for p in balanced.pictures] == [3, 1, 1, 1, 2]
    assert [line.split("  ")[0] for line in table.split("\n")[1:4]] == ["front", "from behind", "(none)"]
    assert "no such" in table.split("\n")[4]


def test_no_tags_is_an_error_and_one_group_is_no_change():
    data = dataset({"a.png": (1, "x"), "b.png": (3, "y")})
    with pytest.raises(AthanorError, match="tags is empty"):
        rebalance(data, RebalanceSettings(by="tags", tags=" , "))
    assert rebalance(data, RebalanceSettings())[0] is data
    same, table = rebalance(data, RebalanceSettings(by="tags", tags="z"))
    assert same is data and "(none)" in table


def test_regularization_is_left_alone_and_subsets_are_apart():
    data = folders(a=4).joined(folders(a=2)).joined(dataset({"1_a/r.png": (1, "")}, is_reg=True))
    balanced, table = rebalance(data, RebalanceSettings())
    assert [p.repeats for p in balanced.pictures] == [1] * 4 + [2] * 2 + [1]
    assert "1: d/1_a" in table and "2: d/1_a" in table and table.endswith("1 regularization pictures are not changed.")
