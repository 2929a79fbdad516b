"""Save Captions: what a captioner answers, made captions, each beside its own picture; what is there stays unless all are meant."""

from pathlib import Path

import pytest
from athanor.training_core.data import answers, caption_changes, caption_saving
from athanor.training_core.data.scan import scan
from athanor.training_core.settings import DatasetSettings
from fuzz import no_hang
from PIL import Image

ANSWERS = {
    "A fox.\n\n  It sits\r\nin grass. ": "A fox. It sits in grass.",
    'He says "hello", it\'s \\n <b>bold</b> {a|b} <3 50% — 猫': 'He says "hello", it\'s \\n <b>bold</b> {a|b} <3 50% — 猫',
    "1girl, solo, long_hair, \\(series\\)": "1girl, solo, long_hair, \\(series\\)",
    "a fox<|im_end|>\n<|im_start|>user\nAnd now?": "a fox",
    "a fox<|endoftext|>Human: what?": "a fox",
    "</s><s>a fox</s><pad><pad>": "a fox",
    "<|channel|> a <|box_start|>fox<end_of_turn>": "a fox",
    "<think>\nIt may be a dog. No.\n</think>\n\na fox": "a fox",
    "<think>\nIt may be a dog, or": "",
    "\ufeffa\0b\x07c\x1b[0m\x85d\u2028e\t\tf": "a b c [0m d e f",
    "half \ud83e of one": "half \ufffd of one",
    "\n \t\0": "",
    "": "",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_caption_in_an_answer(answer):
    assert answers.caption(answer) == ANSWERS[answer]
    assert answers.caption(ANSWERS[answer]) == ANSWERS[answer]


def test_lines_stay_where_one_of_them_is_drawn():
    assert answers.caption("\na  fox \r\n\r\n a red fox<|im_end|>\n", in_lines=True) == "a fox\na red fox"


def test_answers_full_of_marks_take_no_long():
    for text in ("<|" * 50_000, "<think>" * 20_000, "</think>" * 20_000, "<|im_end|>" * 20_000, " \t" * 50_000):
        with no_hang(text[:8]):
            answers.caption(text)


def folder_of(place: Path, *names: str) -> DatasetSettings:
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "red").save(place / name)
    return DatasetSettings(folder=place.name)


def test_an_answer_without_text_writes_nothing_and_holds_up_no_other(tmp_path: Path):
    place = tmp_path / "ds"
    settings = folder_of(place, "1.png", "2.png", "3.png", "4.png", "4.webp")
    (place / "3.txt").write_bytes(b"mine")
    dataset, backups = scan(settings, place), tmp_path / "backups"
    told = caption_saving.save(dataset, ["", "a\0b", "new", "x" * 200_000, "last"], [], caption_saving.MISSING, backups)
    assert told[:4] == [
        "2 caption files written.",
        "1 picture had a caption file, which stays as it is.",
        "1 answer had no text: nothing was written for 1.png.",
        "Longer than 100,000 characters, so not written: 4.png.",
    ]
    assert {p.name: p.read_text() for p in place.glob("*.txt")} == {"2.txt": "a b", "3.txt": "mine", "4.txt": "last"}
    assert [p.name for p in caption_saving.without_file(dataset)] == ["1.png"]
    told = caption_saving.save(dataset, ["", "é", "", "猫", "no"], [], caption_saving.ALL, backups)
    assert told[0] == "2 caption files written." and told[2].startswith("2 answers had no text")
    assert (place / "3.txt").read_text() == "mine" and (place / "4.txt").read_bytes() == "猫".encode()
    [last, _] = caption_changes.listed(backups, [place])
    caption_changes.undo(backups, [place], last.id)
    assert (place / "2.txt").read_text() == "a b" and (place / "4.txt").read_text() == "last"


def test_pictures_of_two_folders_with_the_same_names_have_names_of_their_own(tmp_path: Path):
    one, two = folder_of(tmp_path / "one", "1.png", "2.png"), folder_of(tmp_path / "two", "1.png", "2_sub/3.png")
    found = scan(one, tmp_path / "one").joined(scan(two, tmp_path / "two")).joined(scan(one, tmp_path / "one"))
    named = caption_saving.names_of(found)
    assert list(named) == ["1 one: 1.png", "2.png", "2 two: 1.png", "2_sub/3.png"]
    wanted = list(named)[::-1]
    caption_saving.save(found, [f"of {name}" for name in wanted], wanted, caption_saving.MISSING, tmp_path / "backups")
    texts = {p.relative_to(tmp_path).as_posix(): p.read_text() for p in tmp_path.glob("[ot]*/**/*.txt")}
    assert texts == {
        "one/1.txt": "of 1 one: 1.png", "one/2.txt": "of 2.png", "two/1.txt": "of 2 two: 1.png",
        "two/2_sub/3.txt": "of 2_sub/3.png",
    }  # fmt: skip
