"""Names that fail on somebody else's system."""

import pytest
from athanor.training_core import file_names


@pytest.mark.parametrize(
    "name",
    [
        *(
            "con",
            "NUL",
            "aux",
            "prn",
            "com1",
            "LPT9",
            "com²",
            "conin$",
            "nul.txt",
            "con .x",
            "sub/aux",
            "com1\\cat",
            "aux.",
        ),
        *("cat.", "cat. ", "a./cat", "a /cat", "...", "a\\b.\\c"),
        *("a:b", "a?", "a*", 'a"b', "a|b", "<a", "a\n", "a\0", "a\ud800"),
    ],
)
def test_names_that_a_system_refuses(name):
    """con, nul, com1 ... and names that end with a dot made files on Linux that nobody on Windows could save or open."""
    assert file_names.trouble(name)


@pytest.mark.parametrize(
    "name", ["cat", "conan", "com", "com10", "lpt", "my con", "con_1", "v1.5", ".x", "a/./b", "../a", "雪 (1)", ""]
)
def test_names_that_every_system_takes(name):
    assert file_names.trouble(name) == ""


def test_the_ending_of_the_file_is_no_part_of_its_name():
    """`cat.safetensors` made cat.safetensors.safetensors."""
    meant = {
        file_names.plain(name)
        for name in ("cat", " cat ", "cat.safetensors", "cat.SafeTensors", "cat.safetensors.safetensors")
    }
    assert meant == {"cat"}
    assert file_names.plain("cat.v2") == "cat.v2" and file_names.plain(".safetensors") == ""
