"""The caption pipeline, with sd-scripts' test vectors (Python's random, seed 0)."""

import random
from pathlib import Path

import pytest
from athanor.training_core.data.captions import final_text, read
from athanor.training_core.errors import AthanorError
from athanor.training_core.randomness import keyed
from athanor.training_core.settings import DatasetSettings


def text(caption, step=0, epoch=1, total=100, rng=None, **settings):
    return final_text(caption, DatasetSettings(**settings), rng or random.Random(0), epoch, step, total)


@pytest.mark.parametrize(
    ("settings", "caption", "want"),
    [
        ({}, "a, b ,c,,d", "a, b ,c,,d"),
        ({"shuffle_caption": True}, "a, b, c, d, e", "c, b, a, e, d"),
        ({"shuffle_caption": True, "keep_tokens": 1}, "a, b, c, d, e", "a, d, b, c, e"),
        (
            {"shuffle_caption": True, "keep_tokens_separator": "|||"},
            "1girl ||| b, c, d ||| best, quality",
            "1girl, b, d, c, best, quality",
        ),
        ({"shuffle_caption": True, "secondary_separator": ";;;"}, "a;;;b, c;;;d, e", "a,b, e, c,d"),
        ({"shuffle_caption": True, "caption_separator": "."}, "a. b. c", "a, c, b"),
        ({"caption_prefix": "pre", "caption_suffix": "suf"}, "x", "pre x suf"),
        ({"enable_wildcard": True}, "a {x|y|z} {{lit}} b", "a y {lit} b"),
        ({"caption_tag_dropout_rate": 0.5}, "a, b, c, d, e, f", "a, b, e"),
        # sd-scripts leaves the separator in the text when nothing is shuffled; here it never reaches the model.
        ({"keep_tokens_separator": "|||"}, "1girl ||| b, c, d", "1girl, b, c, d"),
        ({}, "first\nsecond", "first"),
        ({"enable_wildcard": True}, "{solo}", "solo"),
    ],
)
def test_published_vectors(settings, caption, want):
    assert text(caption, **settings) == want


@pytest.mark.parametrize(
    ("settings", "steps", "counts"),
    [
        ({"token_warmup_step": 10, "token_warmup_min": 1}, (0, 1, 5, 9, 10), (1, 1, 3, 5, 6)),
        ({"token_warmup_step": 10, "token_warmup_min": 2, "keep_tokens": 2}, (0, 5), (4, 5)),
        ({"token_warmup_step": 0.1}, (3,), (2,)),
    ],
)
def test_token_warmup(settings, steps, counts):
    tags = "a, b, c, d, e, f"
    assert tuple(len(text(tags, step, **settings).split(", ")) for step in steps) == counts
    assert tags.startswith(text(tags, steps[0], **settings))  # always the leading tags


def test_dropout_of_whole_captions():
    results = [text("a", rng=keyed(i), caption_dropout_rate=0.25) for i in range(2000)]
    assert set(results) == {"a", ""} and 400 < results.count("") < 600
    every = [text("a", epoch=e, caption_dropout_every_n_epochs=3, caption_prefix="p") for e in range(1, 7)]
    assert every == ["p a", "p a", "", "p a", "p a", ""]


def test_one_caption_per_line():
    seen = {text("one\ntwo {a|b}\nthree", rng=keyed(i), enable_wildcard=True) for i in range(60)}
    assert seen == {"one", "two a", "two b", "three"}


def test_shuffle_keeps_the_first_tags_and_every_tag():
    seen = {text("a, b ,c,d,,e", rng=keyed(i), shuffle_caption=True, keep_tokens=1) for i in range(50)}
    assert len(seen) > 20
    assert all(t.startswith("a, ") for t in seen)
    assert all(sorted(t.split(", ")) == sorted(["a", "b", "c", "d", "", "e"]) for t in seen)


@pytest.mark.parametrize(
    ("data", "caption"),
    [
        (b"one\ntwo\n", "one\ntwo"),
        (b"\n\n  one  \n", "one"),
        (b"\xef\xbb\xbfwith bom", "with bom"),
        (b"windows\r\nsecond", "windows\nsecond"),
        (b"", ""),
        ("\u5c11\u5973, \u7d05".encode(), "\u5c11\u5973, \u7d05"),
    ],
)
def test_read(tmp_path: Path, data: bytes, caption: str):
    (tmp_path / "a.txt").write_bytes(data)
    assert read(tmp_path / "a.png", ".txt") == caption
    assert read(tmp_path / "a.png", "txt") == caption


def test_missing_and_wrong_encoding(tmp_path: Path):
    assert read(tmp_path / "none.png", ".txt") is None
    (tmp_path / "b.txt").write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(AthanorError, match=r"b\.txt.*UTF-8"):
        read(tmp_path / "b.png", ".txt")


def test_an_extension_with_two_dots_is_the_whole_extension(tmp_path: Path):
    """With cat.txt beside cat.caption.txt, the tags of the wrong file were trained."""
    (tmp_path / "cat.txt").write_text("1girl")
    (tmp_path / "cat.caption.txt").write_text("a cat on a mat")
    assert read(tmp_path / "cat.png", ".caption.txt") == "a cat on a mat"
    assert read(tmp_path / "dog.png", ".caption.txt") is None
