from pathlib import Path

import pytest
from athanor.training_core.data.captions import final_text, read
from athanor.training_core.errors import AthanorError
from athanor.training_core.randomness import keyed
from athanor.training_core.settings import DatasetSettings


def test_untouched_without_shuffling():
    assert final_text("a, b ,c,,d", DatasetSettings(), keyed(0)) == "a, b ,c,,d"


def test_shuffle_keeps_the_first_tags_and_every_tag():
    settings = DatasetSettings(shuffle_caption=True, keep_tokens=1)
    seen = {final_text("a, b ,c,d,,e", settings, keyed(i)) for i in range(50)}
    assert len(seen) > 20
    assert all(text.startswith("a, ") for text in seen)
    assert all(sorted(text.split(", ")) == sorted(["a", "b", "c", "d", "", "e"]) for text in seen)


@pytest.mark.parametrize(
    ("data", "caption"),
    [
        (b"one\ntwo\n", "one"),
        (b"\xef\xbb\xbfwith bom", "with bom"),
        (b"windows\r\nsecond", "windows"),
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
