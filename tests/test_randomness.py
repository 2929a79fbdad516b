from athanor.training_core.randomness import generator, keyed, torch_seed


def test_keyed_numbers_are_the_same_everywhere():
    """Fixed values: they may never change, or old runs could not be repeated."""
    rng = keyed(1, "order", 2)
    items = list(range(10))
    rng.shuffle(items)
    assert items == [8, 4, 1, 0, 5, 3, 2, 9, 7, 6]
    assert torch_seed(0, "init") == 893733087741670643


def test_draws_do_not_depend_on_other_draws():
    a = keyed(5, "caption", 0, 7).random()
    keyed(5, "caption", 0, 6).random()
    assert keyed(5, "caption", 0, 7).random() == a
    assert keyed(5, "caption", 0, 8).random() != a
    assert 1 != "1" and keyed(1).random() != keyed("1").random()


def test_uniform():
    rng = keyed("uniform")
    values = [rng.random() for _ in range(4000)]
    assert abs(sum(values) / 4000 - 0.5) < 0.02 and min(values) >= 0 and max(values) < 1
    counts = [0] * 7
    for _ in range(7000):
        counts[rng.below(7)] += 1
    assert all(850 < c < 1150 for c in counts)


def test_torch_generator_is_on_the_cpu():
    assert generator(1, "x").device.type == "cpu"
