"""Caption Edit and Merge Tags."""

import random
from pathlib import Path

import pytest
from athanor.training_core.data import tags as words
from athanor.training_core.data.caption_edit import CaptionEditor, edit_dataset
from athanor.training_core.data.captions import wildcards
from athanor.training_core.data.dataset import Dataset, Picture
from athanor.training_core.data.merge_tags import merge_tags
from athanor.training_core.data.tag_rules import parse_list, parse_merge, parse_replace, pattern
from athanor.training_core.data.tags import Separators
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import (
    CaptionEditSettings,
    DatasetSettings,
    MergeTagsSettings,
    RebalanceSettings,
    info,
)
from fuzz import no_hang

KEEP = Separators(keep="|||", secondary=";;;")


def edit(caption: str, separators: Separators = KEEP, **rules) -> str:
    """The edited caption; editing again must change nothing."""
    settings = CaptionEditSettings(**rules)
    result = CaptionEditor(settings).edit(caption, separators)
    assert CaptionEditor(settings).edit(result, separators) == result
    return result


def dataset(*captions: str, **settings) -> Dataset:
    pictures = (
        Picture(path=Path(f"/d/{i}.png"), name=f"{i}.png", content="", size=(8, 8), caption=c, repeats=1)
        for i, c in enumerate(captions)
    )
    return Dataset((DatasetSettings(**settings),), tuple(pictures))


@pytest.mark.parametrize(
    ("rules", "caption", "want"),
    [
        ({"underscores": True}, "long_hair, ^_^, o_o, >_<, 0_0, a_b_c", "long hair, ^_^, o_o, >_<, 0_0, a b c"),
        ({"underscores": True}, r"saber_\(fate\), \(o\)_\(o\)", r"saber \(fate\), \(o\)_\(o\)"),
        ({"underscores": True}, "A girl_friend smiles ^_^. Nice", "A girl friend smiles ^_^. Nice"),
        ({"replace": "blonde hair -> long blonde hair"}, "Blonde_Hair, hat", "long blonde hair, hat"),
        ({"replace": "* hair ->"}, "red hair, hat, hair", "hat, hair"),
        ({"replace": "hair -> x"}, "red hair", "red hair"),  # whole tags only
        ({"replace": "b -> c\na -> b"}, "a, x", "c, x"),  # chains end, in any order
        ({"replace": "long_hair -> long hair"}, "long_hair", "long hair"),  # a rule about spelling
        ({"replace": "a -> a, b", "dedupe": False}, "x, a", "x, a, b"),
        ({"replace": "a? -> x"}, "ab, a?", "ab, x"),  # ? is a wildcard in remove only
        ({"replace": "->_<- -> x"}, "->_<-, a", "x, a"),
        ({"merge": "red hair + long hair -> long red hair"}, "a, long hair, b, red hair", "a, long red hair, b"),
        ({"merge": "red hair + long hair -> long red hair"}, "a, long hair", "a, long hair"),
        ({"merge": "a + b -> x\nx + c -> y"}, "c, b, a", "y"),
        ({"merge": "+_+ + a -> x"}, "+_+, a", "x"),
        ({"remove": "WaterMark, *name\nra?e"}, "watermark, artist name, rare, rate, rat", "rat"),
        ({"remove": "[a]"}, "a, [a]", "a"),  # no character classes
        ({"remove": "saber (fate)"}, r"saber \(fate\), x", "x"),
        ({}, "a, B, b, A_, a", "a, B"),
        ({"dedupe": False}, "a,a", "a,a"),
        ({"front": "solo, 1girl"}, "hat, 1girl, Solo", "Solo, 1girl, hat"),
        ({"trigger": "sks"}, "a, b", "sks, a, b"),
        ({"trigger": "sks, girl"}, "girl, a, SKS", "sks, girl, a"),
        ({"trigger": "sks"}, "", "sks"),
        ({"trigger": "sks"}, "sks standing on a hill", "sks standing on a hill"),
        ({"trigger": "sks"}, "sksy thing", "sks, sksy thing"),
        ({"trigger": "小明"}, "小明在公园里", "小明在公园里"),
        ({"trigger": "my_char", "underscores": True}, "long_hair", "my_char, long hair"),
        ({"trigger": "my_char", "underscores": True}, "my_char in a red_hat", "my_char in a red hat"),
        ({"trigger": "sks", "replace": "sks -> cat"}, "a, sks", "sks, a, cat"),
        ({"trigger": "sks", "remove": "*", "dedupe": False}, "a, b", "sks"),
        ({"trigger": "x (y)", "escape": True}, r"a (b), c \(d\)", r"x \(y\), a \(b\), c \(d\)"),
        ({"replace": "a -> b_c", "underscores": True}, "a", "b c"),
        ({"remove": "*dog*"}, "A dog on a lawn", ""),
        # parts and groups
        ({"remove": "a"}, "a ||| b, a, c", "||| b, c"),
        ({}, "a, b ||| b, c ||| a, d", "a, b ||| c ||| d"),
        ({"front": "c"}, "a, b ||| d, c", "a, b ||| c, d"),
        ({"trigger": "t"}, "a|||b, t", "t, a|||b"),
        ({"remove": "a"}, "x;;;a;;;y, a", "x;;;y"),
        ({"underscores": True, "escape": True}, "x_y;;;(z) ||| a_b", r"x y;;;\(z\) ||| a b"),
        ({"trigger": "t"}, "a;;;b, c", "t, a;;;b, c"),
        # lines
        ({"remove": "b", "trigger": "t"}, "a, b\nA sentence\nb", "t, a\nt, A sentence\nt"),
        ({"remove": "b"}, "a\nb\nc", "a\nc"),
        # other scripts
        ({"remove": "水印", "replace": "长发 -> 黑色长发", "front": "女孩"}, "长发, 水印, 女孩", "女孩, 黑色长发"),
    ],
)
def test_rules(rules, caption, want):
    assert edit(caption, **rules) == want


def test_other_separators():
    assert edit("a. b. a", Separators("."), trigger="t") == "t. a. b"
    assert edit("a b a", Separators(" "), remove="b") == "a"
    assert edit("a, b, a", Separators("")) == "a, b, a"
    assert edit("a;;;b, c", Separators(), remove="c") == "a;;;b"


@pytest.mark.parametrize(
    "caption", ["a,b ,, c,", " a ,  b", "a|||b", ";;;, ;;;a", "A sentence.", "", "  ", ",", "a\n\n b "]
)
def test_what_no_rule_changes_stays_as_it_is(caption):
    rules = {"underscores": True, "replace": "zz -> y", "merge": "a + zz -> y", "remove": "zz*", "front": "zz"}
    assert edit(caption, escape=True, **rules) == caption


def test_any_edit_done_twice_is_done_once():
    """Random captions and rules; those that never settle are refused."""
    rng, settled = random.Random(0), 0
    tags = ["a", "b", "a_b", "A b", "c (d)", r"c \(d\)", "^_^", "a;;;b", "c;;;a_b", "长发", "a b c"]
    for _ in range(1500):

        def pick(least=1, most=3):
            return [rng.choice(tags) for _ in range(rng.randint(least, most))]

        rules = {name: rng.random() < 0.5 for name in ("underscores", "dedupe", "escape")}
        rules["replace"] = "\n".join(
            f"{rng.choice(['', '*'])}{rng.choice(tags)} -> {', '.join(pick(0))}" for _ in pick()
        )
        if rng.random() < 0.5:
            rules["merge"] = f"a + {rng.choice(tags[3:])} -> {', '.join(pick())}"
        rules["remove"] = ", ".join(pick(0, 1))
        rules["front"] = ", ".join(pick(0))
        rules["trigger"] = ", ".join(pick(0, 2))
        caption = rng.choice([", ", ","]).join(pick(0, 6)) + rng.choice(["", " ||| x, a", "|||b", "\na, b"])
        try:
            edit(caption, **rules)
            settled += 1
        except AthanorError as error:
            assert "endlessly" in str(error)
    assert settled > 1000


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"replace": "a -> b\n\nx y"}, "replace: line 3 'x y' has no '->'"),
        ({"replace": " -> b"}, "replace: line 1 has nothing before '->'"),
        ({"replace": "* eyes -> * eye"}, "replace: line 1 has a \\*"),
        ({"merge": "a -> b"}, "merge: line 1 does not name two"),
        ({"merge": "a + A -> b"}, "merge: line 1 does not name two"),
        ({"merge": "a + b ->"}, "merge: line 1 has nothing after"),
        ({"replace": "a -> b\nb -> a"}, "replace, merge: the rules undo"),
        ({"replace": "*a -> ba, xa, ya\n*a* -> aba", "dedupe": False, "merge": "ba + xa -> a, a"}, "endlessly"),
        ({"trigger": "t |||"}, "trigger: it contains the keep_tokens_separator"),
    ],
)
def test_bad_rules_are_one_sentence(rules, message):
    with pytest.raises(AthanorError, match=message) as error:
        edit("a, b", **rules)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_lists():
    assert parse_list("b, a\n B ,,c\n", "front") == ["b", "a", "c"]
    assert parse_list('"red, dark hair", a\r\n“x, y”\n红，蓝', "front") == ["red, dark hair", "a", "x, y", "红", "蓝"]
    with pytest.raises(AthanorError, match=r"^remove: the quote before 'a' is not closed"):
        CaptionEditor(CaptionEditSettings(remove='"a'))
    assert [str(rule) for rule in parse_replace("a->b\nc  ->")] == ["a -> b", "c ->"]
    assert [str(rule) for rule in parse_merge(" a + b_c -> d, e ")] == ["a + b_c -> d, e"]


def test_report_shows_changes_and_idle_rules():
    data = dataset(*["1girl, long hair, red_hat"] * 30, "a sentence")
    rules = {"remove": "long hiar, longhair, qqqq", "replace": "red hat -> cap", "merge": "1girl + lng hair -> x"}
    edited = edit_dataset(data, CaptionEditSettings(**rules, front="1girls"))
    lines = edited.report.split("\n")
    assert lines[0] == "30 of 31 captions changed."
    assert lines[1:6] == [
        "merge: '1girl + lng hair -> x' matched nothing; the nearest tag is 'long hair'.",
        "remove: 'long hiar' matched nothing; the nearest tag is 'long hair'.",
        "remove: 'longhair' matched nothing; the nearest tag is 'long hair'.",
        "remove: 'qqqq' matched nothing.",
        "front: '1girls' matched nothing; the nearest tag is '1girl'.",
    ]
    assert lines[6:9] == ["0.png:", "  - 1girl, long hair, red_hat", "  + 1girl, long hair, cap"]
    assert lines[-1] == "... and 10 more" and len(lines) == 6 + 3 * 20 + 1
    assert edited.tag_table.split("\n")[0] == "    30   96.8 %  1girl"
    assert len(edited.changed) == 30 and edited.changed[0].caption == "1girl, long hair, cap"
    assert edited.dataset.fingerprint != data.fingerprint
    again = edit_dataset(edited.dataset, CaptionEditSettings(**rules))
    assert again.dataset is edited.dataset and again.report.startswith("0 of 31 captions changed (no rule matches")


def test_regularization_gets_no_trigger():
    data = dataset("a").joined(dataset("a photo", is_reg=True))
    edited = edit_dataset(data, CaptionEditSettings(trigger="sks", replace="a* -> b"))
    assert [p.caption for p in edited.dataset.pictures] == ["sks, b", "b"]
    assert "1 regularization pictures do not get the trigger." in edited.report


def test_each_subset_has_its_own_separator():
    data = dataset("a, b").joined(dataset("a. b", caption_separator="."))
    edited = edit_dataset(data, CaptionEditSettings(remove="a", trigger="x, y"))
    assert [p.caption for p in edited.dataset.pictures] == ["x, y, b", "x, y. b"]


def test_many_captions_in_little_time():
    """5,000 captions of 40 tags and 60 rules: seconds; and long texts do not take quadratic time."""
    captions = [", ".join(f"tag_{(i * 7 + j) % 900}" for j in range(40)) for i in range(5000)]
    rules = "\n".join(f"*{i} x -> y" for i in range(60))
    edited = edit_dataset(dataset(*captions), CaptionEditSettings(replace=rules, underscores=True))
    assert len(edited.changed) == 5000
    edit("a" + " ," * 50_000 + "b", trigger="t")


def test_table():
    counter = words.count([["b", "a", "a"], ["a"], []])
    assert words.table(counter, 3) == "     2   66.7 %  a\n     1   33.3 %  b"
    assert words.table(counter, 3, 1).endswith("... and 1 more tags")
    assert words.table({}, 3) == "no tags"


def test_tooltips_are_sentences():
    for group in (CaptionEditSettings, MergeTagsSettings, RebalanceSettings):
        assert all(s.tip.endswith(".") and len(s.tip) > 20 for s in info(group))


def merged(captions, **settings):
    return merge_tags({f"captions_{i + 1}": c for i, c in enumerate(captions)}, MergeTagsSettings(**settings))


@pytest.mark.parametrize(
    ("settings", "want"),
    [
        ({}, "Long_Hair, hat, a (b), smile, 猫"),
        ({"mode": "intersection"}, "Long_Hair"),
        ({"mode": "vote"}, "Long_Hair, a (b), smile"),
        ({"mode": "vote", "min_votes": 1}, "Long_Hair, hat, a (b), smile, 猫"),
    ],
)
def test_merge_modes(settings, want):
    taggers = [["Long_Hair, hat, long hair, a (b)"], [r"a \(b\), long hair, smile"], ["smile , 猫, long hair"]]
    captions, report = merged(taggers, **settings)
    assert captions == [want]
    assert "All agree on 1 tags (20.0 %)." in report
    assert "captions_1: 3 tags, 1 of them from this tagger alone." in report
    assert "captions_3: 3 tags, 1 of them from this tagger alone." in report


def test_merge_refuses_what_does_not_fit():
    with pytest.raises(AthanorError, match="captions_2 has 1 captions but captions_1 has 2"):
        merged([["a", "b"], ["a"]])
    with pytest.raises(AthanorError, match="min_votes is 3 but there are only 2"):
        merged([["a"], ["a"]], mode="vote", min_votes=3)
    assert merged([["a, b"]])[0] == ["a, b"] and merged([[], []])[0] == []


def test_merging_a_merged_caption_again_changes_nothing():
    once, _ = merged([["a, b_c", "长发"], ["B c, d", ""]])
    assert once == ["a, b_c, d", "长发"]
    assert merged([once, ["d, A", "长发"]])[0] == once


def test_patterns_and_braces_take_linear_time():
    """.* for each star of a pattern tried all ways to divide a tag; each open brace looked for its end to the caption's end."""
    many_stars = "*a" * 30 + "*b"
    with no_hang(many_stars):
        assert not pattern(many_stars).fullmatch("a" * 2000)
        assert wildcards("{ " * 50_000, random.Random(0)) == "{ " * 50_000
    assert pattern("a[b]*").fullmatch("a[b]c") and not pattern("a[b]*").fullmatch("abc")
    assert wildcards("{}{a}{b{c} }{{d}}", random.Random(0)) == "{}ab{c }{d}"
