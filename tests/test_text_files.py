"""Text files of users are read in the encodings that editors write, or refused in one sentence."""

from pathlib import Path

import fuzz
import pytest
from athanor.training_core import toml
from athanor.training_core.errors import AthanorError
from athanor.training_core.text_files import decoded, lines, read_structure, read_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_say_what_they_are(encoding: str, tmp_path: Path):
    (tmp_path / "a.txt").write_bytes("猫\r\nzwei\u2028Wörter\rx".encode(encoding))
    assert lines(read_text(tmp_path / "a.txt")) == ["猫", "zwei\u2028Wörter", "x"]
    for kind, text in (("json", '{"a": "猫"}'), ("toml", 'a = "猫"')):
        path = tmp_path / f"a.{kind}"
        path.write_bytes(text.encode(encoding))
        assert read_structure(path) == {"a": "猫"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("猫是一只动物".encode("gb18030"), "it looks like GBK"),
        (b"caf\xe9", "it looks like Windows-1252"),
        ("a cat".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        ("a cat".encode("utf-16")[:-1], "UTF-16 that was cut off"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not text: choose a text file"),
    ],
)
def test_others_are_named(data: bytes, words: str):
    with pytest.raises(AthanorError, match=words) as found:
        decoded(data, "a.txt")
    fuzz.check_message(str(found.value))


def test_what_cannot_be_opened_or_understood_is_one_sentence(tmp_path: Path):
    (tmp_path / "folder.txt").mkdir()
    contents = {
        "deep.json": "[" * 100_000, "deep.toml": "a = " + "[" * 100_000, "long.json": "9" * 5000, "long.toml": "a = " + "9" * 5000,
        "cut.json": '{"a": ', "cut.toml": "a = ", "empty.json": "",
    }  # fmt: skip
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    for name in (*contents, "gone.json", "folder.txt", f"{'x' * 300}.json", "a\0.json"):
        with pytest.raises(AthanorError) as found:
            read_structure(tmp_path / name)
        fuzz.check_message(str(found.value))


def test_pasted_toml_may_begin_with_a_byte_order_mark():
    assert toml.loads("\ufeffa = 1") == {"a": 1}
