"""What people type, as the published grid tools spell it, and what it must mean."""

import pytest
from athanor.training_core.compare import grammar, names
from athanor.training_core.compare.grammar import RandomSeed, SearchReplace
from athanor.training_core.errors import AthanorError


def floats(text):
    return [float(v) for v in grammar.numbers(text)]


def whole(text):
    return [int(v) for v in grammar.numbers(text, whole=True)]


def words(text):
    return grammar.split(text)


def lines(text):
    return grammar.split(text, commas=False)


def pairs(text):
    return [(r.old, r.new) for r in grammar.replacements(text)]


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
    (floats, "1, 1.0, 2", [1, 2]),
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
    (words, "a, SKIP: b, c", ["a", "c"]),
    (words, " , a,, b ,", ["a", "b"]),
    (lines, "a cat, on a mat", ["a cat, on a mat"]),
    (lines, "a cat, on a mat\n\n  a dog, too ", ["a cat, on a mat", "a dog, too"]),
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
    assert grammar.replace(text, change, whole_word) == expected
    assert grammar.contains(text, change.old, whole_word) == (text != expected)


def test_names():
    samplers = ["euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde"]
    assert names.resolve("DPM++ 2M", samplers, "sampler") == "dpmpp_2m"
    assert names.resolve("Euler a", samplers, "sampler") == "euler_ancestral"
    loras = ["a/char-000004.safetensors", "a/char.safetensors", "b/char.safetensors", "Style.safetensors"]
    assert names.resolve("style", loras, "LoRA") == "Style.safetensors"
    assert names.resolve("char-000004", loras, "LoRA") == "a/char-000004.safetensors"
    with pytest.raises(AthanorError, match=r"could be a/char.safetensors or b/char.safetensors"):
        names.resolve("char", loras, "LoRA")
    with pytest.raises(AthanorError, match=r"no sampler 'dpm_2m'; the nearest are dpmpp_2m"):
        names.resolve("dpm_2m", samplers, "sampler")
    with pytest.raises(AthanorError, match="there are none"):
        names.resolve("x", [], "VAE")
