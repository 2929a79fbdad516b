"""What a user writes in place of what a file says, and which names a copy may have."""

import pytest
from athanor.training_core.publish import wanted
from athanor.training_core.publish.wanted import Wanted

METADATA = {
    "modelspec.title": "draft", "modelspec.author": "None", "ss_training_comment": "see /home/jane/notes.txt", "ss_epoch": "3",
    "ss_output_name": "draft", "modelspec.tags": "a, b",
}  # fmt: skip


def test_texts_of_a_file_are_offered_without_paths():
    known = wanted.known_texts(METADATA)
    assert known["title"] == "draft" and known["author"] == "" and known["tags"] == "a, b"
    assert known["comment"] == "see notes.txt"


def test_what_is_written_takes_the_place_of_what_was_there():
    texts = {"title": " Cat ", "author": "Ada", "tags": "", "comment": ""}
    told = wanted.with_texts(METADATA, Wanted(name="cat", choice="recipe", texts=texts))
    assert told == {
        "modelspec.title": "Cat", "modelspec.author": "Ada", "ss_training_comment": "None", "ss_epoch": "3", "ss_output_name": "cat",
    }  # fmt: skip
    untouched = wanted.with_texts(METADATA, Wanted(name="draft", choice="recipe", texts={}))
    assert untouched == METADATA


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("sub/my cat_2", "my cat_2"),
        ("a:b?", "a_b_"),
        ("...", "my_lora"),
        ("x" * 90, "x" * 40),
        ("雪", "雪"),
        ("-", "my_lora"),
        ("-rf (v2)", "rf (v2)"),
        ("con", "my_lora"),
    ],
)
def test_a_title_suggests_a_name_that_can_be_one(title, name):
    assert wanted.name_of(title) == name and not wanted.name_trouble(name)


@pytest.mark.parametrize("name", ["con", "CON.txt", "nul .x", "Lpt1", "-rf", "(a", "a-"])
def test_names_under_which_others_could_not_save_it(name):
    """Devices' names on Windows, and what a command line takes for an option."""
    assert wanted.name_trouble(name) and not wanted.name_trouble(f"a{name}z")
