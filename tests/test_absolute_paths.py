"""Absolute paths of three systems are found in texts, and what only looks like one stays."""

import pytest
from athanor.training_core.absolute_paths import paths_in, without_paths


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("/home/jane/pics/3_cat", "3_cat"),
        ("/home/jane/pics/", "pics"),
        ("/home/jane", "home"),
        ("C:\\Users\\Jane", "home"),
        ("~/pics/a.png", "a.png"),
        ("/data", "data"),
        ("C:\\Users\\Jane Doe\\my pics\\a b.png", "a b.png"),
        ("D:/models/x.safetensors", "x.safetensors"),
        ("\\\\nas\\share\\pics", "pics"),
        ("file:///home/jane/a.png", "a.png"),
        ("see /home/jane doe/x.png and more", "see x.png and more"),
        ('{"dir": "/Users/jane doe/a b"}', '{"dir": "a b"}'),
        ("path:/home/jane/x", "path:x"),
        ("root=/opt/a/b,c=/tmp/z", "root=b,c=z"),
        ("first\n/mnt/a/jane pics\r\nlast", "first\njane pics\r\nlast"),
        ("(/unknown/disk/x)", "(x)"),
        ("\\\\\\\\nas\\\\share\\\\x", "x"),
    ],
)
def test_a_path_becomes_its_last_name(text, plain):
    assert without_paths(text) == plain
    assert without_paths(plain) == plain and not paths_in(plain)
    assert paths_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "sub/3_cat", "sub\\3_cat", "https://a.b/c/d?e=/f", "1/2, 3 / 4", "\\m/", "(/_\\)", ">:/ o/ :/", "\\(cat\\)",
        "\\\\(cat\\\\)", "/imagine a cat", "</s> <lora:a/b:1>", "and/or", "__animal/cat__", "../up/x", "", "a '/' or '\\m/' here",
    ],
)  # fmt: skip
def test_what_only_looks_like_one_stays(text):
    assert without_paths(text) == text and not paths_in(text)


def test_keys_and_lists_of_json_as_well():
    value = {"/home/jane/3_cat": [1, None, {"a": "/tmp/x/y"}], "b": True}
    assert without_paths(value) == {"3_cat": [1, None, {"a": "y"}], "b": True}
