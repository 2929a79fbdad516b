"""What people type, as the published grid tools spell it, and what it must mean."""

import pytest
from athanor.training_core import lists, names
from athanor.training_core.compare import grammar, kinds, replacing
from athanor.training_core.compare.grammar import RandomSeed
from athanor.training_core.compare.replacing import SearchReplace
from athanor.training_core.errors import AthanorError


def floats(text):
    return [float(v) for v in grammar.numbers(text)]


def whole(text):
    return [int(v) for v in grammar.numbers(text, whole=True)]


def words(text):
    return lists.split(text)


def lines(text):
    return lists.split(text, commas=False)


def pairs(text):
    return [(r.old, r.new) for r in replacing.replacements(text)]


TABLE = [
    # ranges, both ways, exact
    (floats, "0.6-1(+0.1)", [0.6, 0.7, 0.8, 0.9, 1.0]),
    (floats, "0.6-1(0.1)", [0.6, 0.7, 0.8, 0.9, 1.0]),
    (floats, "0-1(+0.3)", [0, 0.3, 0.6, 0.9]),
    (floats, "1-0(-0.25)", [1, 0.75, 0.5, 0.25, 0]),
    (floats, "1-0(0.25)", [1, 0.75, 0.5, 0.25, 0]),
    (floats, ".25-1(+.25)", [0.25, 0.5, 0.75, 1]),
    (floats, "0.1 - 0.3 ( 0.1 )", [0.1, 0.2, 0.3]),
    (floats, "-1-1(0.5)", [-1, -0.5, 0, 0.5, 1]),
    (floats, "-1--2(0.5)", [-1, -1.5, -2]),
    (floats, "1e-4-5e-4(1e-4)", [1e-4, 2e-4, 3e-4, 4e-4, 5e-4]),
    (floats, "0-1[5]", [0, 0.25, 0.5, 0.75, 1]),
    (floats, "1-0[3]", [1, 0.5, 0]),
    (floats, "0-1[4]", [0, 0.333333333, 0.666666667, 1]),
    (floats, "2-3(5)", [2]),
    (floats, "0.7-0.7(0.1)", [0.7]),
    (whole, "1-5", [1, 2, 3, 4, 5]),
    (whole, "1-5(+2)", [1, 3, 5]),
    (whole, "1-5 (2)", [1, 3, 5]),
    (whole, "1-6(+2)", [1, 3, 5]),
    (whole, "10-1(-3)", [10, 7, 4, 1]),
    (whole, "10-1(3)", [10, 7, 4, 1]),
    (whole, "3-1", [3, 2, 1]),
    (whole, "10-1(-1)", [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
    (whole, "1-10[4]", [1, 4, 7, 10]),
    (whole, "1-10[5]", [1, 3, 5, 7, 10]),
    (whole, "20-30[1]", [20]),
    (whole, "10,20-24(+2), 30", [10, 20, 22, 24, 30]),
    # single numbers and lists
    (floats, "1e-4, 5e-4", [1e-4, 5e-4]),
    (floats, "1E-4", [1e-4]),
    (floats, "7", [7]),
    (floats, ".5, 1.", [0.5, 1]),
    (floats, "0.6\n0.8\n1", [0.6, 0.8, 1]),
    (floats, "0.6, 0.8\n1-1.2(0.1)", [0.6, 0.8, 1, 1.1, 1.2]),
    (floats, "0.6 || 0.8", [0.6, 0.8]),
    (floats, "1, 1.0, 2", [1, 1, 2]),  # XYZ Zip pairs them one by one
    (whole, "1, 2, .., 6", [1, 2, 3, 4, 5, 6]),
    (whole, "10, 8, ..., 2", [10, 8, 6, 4, 2]),
    (floats, "0.1, 0.2, .., 0.5, 1", [0.1, 0.2, 0.3, 0.4, 0.5, 1]),
    (whole, "5, .., 8", [5, 6, 7, 8]),
    (whole, "1, 2, …, 4", [1, 2, 3, 4]),
    # seeds
    (grammar.seeds, "1, 5-7", [1, 5, 6, 7]),
    (grammar.seeds, "x3", [RandomSeed(1), RandomSeed(2), RandomSeed(3)]),
    (grammar.seeds, "-1, 4, x2", [RandomSeed(1), 4, RandomSeed(2), RandomSeed(3)]),
    (grammar.seeds, "18446744073709551615", [2**64 - 1]),
    # sizes
    (grammar.sizes, "512x768, 640×640, 768 * 512", [(512, 768), (640, 640), (768, 512)]),
    (grammar.sizes, "512", [(512, 512)]),
    # words
    (words, "euler, dpmpp_2m", ["euler", "dpmpp_2m"]),
    (words, 'a, "b, c", d', ["a", "b, c", "d"]),
    (words, 'a,"b, c",d', ["a", "b, c", "d"]),
    (words, '"say ""hi"", twice", x', ['say "hi", twice', "x"]),
    (words, '5" disk, x', ['5" disk', "x"]),
    (words, "a, b || c", ["a, b", "c"]),
    (words, "one, with comma\ntwo", ["one, with comma", "two"]),
    # skipped: in its place in the text, and not drawn
    (words, "a, SKIP: b, c", ["a", "c"]),
    (words, 'a, skip: "b, c", d', ["a", "d"]),
    (words, '"SKIP: a", b', ["SKIP: a", "b"]),
    (words, "a || SKIP： b || c", ["a", "c"]),
    (lines, "a cat\nSKIP: a dog, too\nSKIP:a bird", ["a cat"]),
    (floats, "0.6, SKIP: 0.8, 1", [0.6, 1]),
    (floats, "0.6, SKIP: 0.8\nSKIP: 1, 1.2", [0.6, 1.2]),
    (whole, "1, SKIP: 2, .., 5", [1, 3, 4, 5]),
    (whole, "1, 2, .., SKIP: 5", [1, 2, 3, 4]),
    (whole, "1, 2, SKIP: .., 5", [1, 2, 5]),
    (whole, "1-5, SKIP: 3, SKIP: oops, 3", [1, 2, 4, 5, 3]),
    (grammar.seeds, "SKIP: x2, 7, SKIP: 8, x1", [7, RandomSeed(3)]),
    (grammar.sizes, "512x768, SKIP: 1024", [(512, 768)]),
    (pairs, "SKIP: cat, dog, SKIP: bird", [("cat", "dog")]),
    (pairs, "cat => dog, SKIP: red => blue, SKIP: why", [("cat", "dog")]),
    (words, " , a,, b ,", ["a", "b"]),
    (lines, "a cat, on a mat", ["a cat, on a mat"]),
    (lines, "a cat, on a mat\n\n  a dog, too ", ["a cat, on a mat", "a dog, too"]),
    # a comma at each line's end belongs to no value
    (words, "euler,\nheun, \n", ["euler", "heun"]),
    (words, '"a, b",\nc,', ["a, b", "c"]),
    (lines, "a cat,\na dog", ["a cat,", "a dog"]),  # whole prompts stay as they are
    (pairs, "cat,\ndog,\nbird", [("cat", "cat"), ("cat", "dog"), ("cat", "bird")]),
    (pairs, "cat,\ndog\nbird,", [("cat", "cat"), ("cat", "dog"), ("cat", "bird")]),
    (pairs, "cat => dog,\nred => blue", [("cat", "dog"), ("red", "blue")]),
    (pairs, "cat => dog,\nred => blue\nbig => small,", [("cat", "dog,"), ("red", "blue"), ("big", "small,")]),
    (floats, "0.6,\n0.8,\n1,", [0.6, 0.8, 1]),
    # what Chinese keyboards write
    (floats, "０．６，０．８、1", [0.6, 0.8, 1]),
    (floats, "0.6–1（0.2）", [0.6, 0.8, 1]),
    (grammar.seeds, "ｘ２，5", [RandomSeed(1), RandomSeed(2), 5]),
    (grammar.sizes, "512ｘ768，640", [(512, 768), (640, 640)]),
    (words, "猫，狗、鸟", ["猫", "狗、鸟"]),
    (words, "猫、狗", ["猫", "狗"]),
    (words, "猫，黑, 狗", ["猫，黑", "狗"]),
    (words, "“猫, 黑”，“狗”", ["猫, 黑", "狗"]),
    (words, "“a, b”, c", ["a, b", "c"]),
    (words, "「猫，黑」，狗", ["猫，黑", "狗"]),
    # search and replace
    (pairs, "cat, dog, bird", [("cat", "cat"), ("cat", "dog"), ("cat", "bird")]),
    (pairs, 'cat, ""', [("cat", "cat"), ("cat", "")]),
    (pairs, '"cat, black", "dog, white"', [("cat, black", "cat, black"), ("cat, black", "dog, white")]),
    (pairs, "cat => dog, red => blue", [("cat", "dog"), ("red", "blue")]),
    (pairs, "cat =>\ncat => dog, small", [("cat", ""), ("cat", "dog, small")]),
    (pairs, "[[animal]], dog, bird", [("[[animal]]", "dog"), ("[[animal]]", "bird")]),
    (pairs, "a cat, sitting\na dog, lying", [("a cat, sitting", "a cat, sitting"), ("a cat, sitting", "a dog, lying")]),
]


@pytest.mark.parametrize(("read", "text", "expected"), TABLE, ids=[f"{r.__name__} {t!r}" for r, t, _ in TABLE])
def test_table(read, text, expected):
    assert read(text) == expected


WRONG = [
    (floats, "", "is empty"),
    (floats, "0.6-1", r"no step; write 0.6-1\(0.1\)"),
    (floats, "1-5(-1)", r"steps away from its end; write \(1\)"),
    (floats, "5-1(+1)", r"steps away from its end; write \(-1\)"),
    (floats, "1-5(0)", "step of 0"),
    (floats, "one", "'one' is not a number or a range"),
    (floats, "nan", "not a number"),
    (floats, "0-1(1e-9)", "use a larger step"),
    (floats, "1-2[0]", "asks for 0 values"),
    (floats, "1, 2, ..", "needs numbers around it"),
    (floats, "1, 2, .., 5.5", r"miss 5.5; write 1-5.5\(1\)"),
    (floats, "1, 2, .., 0", "never reaches 0"),
    (whole, "1.5", "'1.5' is not a whole number"),
    (whole, "1-2(0.5)", "'1.5' is not a whole number"),
    (grammar.seeds, "-5", "between 0 and 2"),
    (grammar.seeds, " ", "is empty"),
    (grammar.sizes, "500x512", "try 496"),
    (grammar.sizes, "9" * 5000, "'9+ … 9+' is not a size"),
    # counted before they are made
    (floats, "1e200000", "out of bounds"),
    (floats, "0.1-1e400[3]", "out of bounds"),
    (floats, "1e-9999999999999999999999999", "out of bounds"),
    (floats, "1-1e99999999", "out of bounds"),
    (whole, "1-1e29", "gives 1e.29 values; use a larger step"),
    (floats, "1, 2, .., 1e20", "use a larger step"),
    (floats, "1-2[" + "9" * 90 + "]", "between 1 and 10000 are possible"),
    (floats, "1" * 100_000, "'1+ … 1+' is not a number"),
    (floats, ", ".join(["1-9999"] * 100), "more than 10000 values"),
    (grammar.seeds, ", ".join(["x9999"] * 100), "more than 10000 values"),
    (grammar.seeds, "x" + "9" * 5000, "is not a number"),
    (words, "a, " * 20_000, "more than 10000 values"),
    (grammar.sizes, "big", "not a size"),
    (words, 'a, "b, c', "is not closed"),
    (pairs, "cat", "'cat' alone"),
    (pairs, "cat => dog, bird", "'bird' has no '=>'"),
    (pairs, "=> dog", "nothing to search for"),
    (pairs, "", "is empty"),
]


@pytest.mark.parametrize(("read", "text", "words_"), WRONG, ids=[f"{r.__name__} {t!r}" for r, t, _ in WRONG])
def test_wrong_input_is_one_sentence(read, text, words_):
    with pytest.raises(AthanorError, match=words_):
        read(text)


@pytest.mark.parametrize(
    ("text", "change", "whole_word", "expected"),
    [
        ("a cat, cats", SearchReplace("cat", "dog"), True, "a dog, cats"),
        ("a cat, cats", SearchReplace("cat", "dog"), False, "a dog, dogs"),
        ("<lora:x1:1> 1girl", SearchReplace("1", "0.5"), True, "<lora:x1:0.5> 1girl"),
        ("(hat:1.2)", SearchReplace("1", "2"), True, "(hat:1.2)"),
        ("a cat.", SearchReplace("cat", r"\1 dog"), True, r"a \1 dog."),
        ("x[[who]]y", SearchReplace("[[who]]", "Z"), True, "xZy"),
        ("(hat:1.2)", SearchReplace("(hat:1.2)", "hat"), True, "hat"),
    ],
)
def test_replace(text, change, whole_word, expected):
    assert replacing.replace(text, change, whole_word) == expected
    assert replacing.contains(text, change.old, whole_word) == (text != expected)


def test_names():
    samplers = ["euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde"]
    assert names.resolve("DPM++ 2M", samplers, "sampler") == "dpmpp_2m"
    assert names.resolve("Euler a", samplers, "sampler") == "euler_ancestral"
    loras = ["a/char-000004.safetensors", "a/char.safetensors", "b/char.safetensors", "Style.safetensors"]
    assert names.resolve("style", loras, "LoRA") == "Style.safetensors"
    assert names.resolve("char-000004", loras, "LoRA") == "a/char-000004.safetensors"
    with pytest.raises(AthanorError, match=r"could be a/char.safetensors or b/char.safetensors"):
        names.resolve("char", loras, "LoRA")
    with pytest.raises(AthanorError, match=r"no sampler 'dpm_2m'; the nearest: dpmpp_2m"):
        names.resolve("dpm_2m", samplers, "sampler")
    with pytest.raises(AthanorError, match="there are none"):
        names.resolve("x", [], "VAE")


def test_numbers_of_extreme_size_are_exact():
    assert floats("1e25-2e25[3]") == [1e25, 1.5e25, 2e25]
    assert floats("0e99999999, 1e-30") == [0, 1e-30]


def known(**groups):
    none = {"samplers": [], "schedulers": [], "models": [], "vaes": [], "loras": []}
    return {**none, **{name: [f"{n}.safetensors" for n in names] for name, names in groups.items()}}


def loras(text, *names):
    return [
        tuple((c.name.removesuffix(".safetensors"), c.strength_model) for c in dict(value.changes)["lora"])
        for value in kinds.read("LoRA", text, known(loras=names)).values
    ]


@pytest.mark.parametrize(
    ("text", "names_", "expected"),
    [
        ("[v2] cat", ["[v2] cat", "v"], ["[v2] cat"]),
        ("[v2]*", ["[v2] cat", "[v2] dog", "v"], ["[v2] cat", "[v2] dog"]),
        ("what?, a*b", ["what?", "whats", "a*b", "axb"], ["what?", "a*b"]),
        ("what?", ["whats"], ["whats"]),
        ("cat, black", ["cat, black", "cat"], ["cat, black"]),
        ("cat,\ndog, bird,", ["cat", "dog", "bird"], ["cat", "dog", "bird"]),
        (r"style\foo", ["style/foo", "other/foo"], ["style/foo"]),
        ("style/foo", [r"style\foo", r"other\foo"], [r"style\foo"]),
        (r"style\f*", ["style/foo", "other/foo"], ["style/foo"]),
    ],
)
@pytest.mark.parametrize("kind", ["LoRA", "model", "VAE"])
def test_a_name_that_is_there_is_no_pattern(kind, text, names_, expected):
    group = {"LoRA": "loras", "model": "models", "VAE": "vaes"}[kind]
    values = kinds.read(kind, text, known(**{group: names_})).values
    taken = [dict(v.changes)[kind.lower()] for v in values]
    taken = [choice[0].name for choice in taken] if kind == "LoRA" else taken
    assert [name.removesuffix(".safetensors") for name in taken] == expected


def test_strengths_stand_behind_any_name():
    assert loras("[v2] cat:0.5", "[v2] cat") == [(("[v2] cat", 0.5),)]
    assert loras("a:b:0.5, a:b", "a:b") == [(("a:b", 0.5),), (("a:b", None),)]
    assert loras("cat + dog:0.5", "cat + dog", "cat", "dog") == [(("cat + dog", 0.5),)]
    assert loras("cat + dog:0.5", "cat", "dog") == [(("cat", None), ("dog", 0.5))]
    assert loras("猫：0.5", "猫") == [(("猫", 0.5),)]


def test_stacks_are_counted_before_they_are_made():
    for text in ("a:0-1(0.001) + b:0-1(0.001) + c:0-1(0.001)", "a:0-1(0.001):0-1(0.001)", "a + " * 20_000 + "a"):
        with pytest.raises(AthanorError, match="10000"):
            loras(text, "a", "b", "c")


def test_the_nearest_names_are_found_among_many():
    many = [f"folder{i % 9}/style_{i * 7919 % 10_000:05}" for i in range(3000)] + ["my_cat_lora"]
    assert names.nearest("my_kat_lora", many) == "the nearest: my_cat_lora"
    folders = ["anime/b.safetensors", "flux/c.safetensors", "sd3.safetensors", "old/sd3.safetensors"]
    assert names.nearest("models\\sd3_v2.safetensors", folders) == "the nearest: sd3.safetensors, old/sd3.safetensors"
    assert names.nearest("a/b", [f"x/{i}" for i in range(9)]) == "there are x/0, x/1, x/2, x/3, x/4, x/5"
    assert len(names.nearest("x" * 100_000, ["y" * 255] * 10)) < 1000


def test_skipped_values_are_said_and_leave_no_trace():
    available = {"loras": ["a-1.safetensors", "a-2.safetensors", "b, c.safetensors"], "samplers": [], "schedulers": []}

    def read(kind, text):
        axis = kinds.read(kind, text, available)
        return axis, kinds.listed(axis).partition(", ")[2]

    axis, said = read("LoRA strength", "0.6, SKIP: 0.8, 1, SKIP: oops")
    assert said == "2 values, 2 skipped: 0.6, 1" and axis == kinds.read("LoRA strength", "0.6, 1", available)
    assert read("LoRA", "SKIP: a-1:0.8, a-*, SKIP: gone")[1] == "1 value, 2 skipped: a-2"
    assert read("LoRA", "SKIP: b, c\na-1, SKIP: a-2")[1] == "1 value, 2 skipped: a-1"
    assert read("prompt", "a cat, SKIP: not\nSKIP: a dog, black")[1] == "1 value, 1 skipped: a cat, SKIP: not"
    assert read("prompt S/R", "SKIP: cat, dog")[1] == "1 value, 1 skipped: dog"
    with pytest.raises(AthanorError, match="all of them are skipped"):
        read("prompt", "SKIP: a cat")


def test_zip_pairs_equal_values_one_by_one():
    """Equal values were dropped before they were paired: two LoRAs with strengths 1, 1 were refused."""
    strengths = kinds.read("LoRA strength", "1, 1", known())
    pair = kinds.join([kinds.read("LoRA", "a, b", known(loras=["a", "b"])), strengths])
    assert [v.label for v in pair.values] == ["a  1", "b  1"]
    assert [v.label for v in kinds.distinct(strengths).values] == ["1"]
    assert "2 values: 1, 1 (1 different" in kinds.listed(strengths)
