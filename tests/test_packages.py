"""Packages that lack or are too old, and the line that installs them."""

from __future__ import annotations

import sys

import pytest
from athanor.training_core import packages
from athanor.training_core.errors import AthanorError


@pytest.fixture
def there(monkeypatch):
    """Sets the versions of packages that are there; None: it is not."""

    def have(**versions: str | None) -> None:
        found = {name.replace("_", "-"): version for name, version in versions.items()}
        monkeypatch.setattr(packages, "_version", lambda name: found.get(name, "99"))
        monkeypatch.setattr(packages, "_asked", lambda: {"lycoris-lora": ">=4.1,<4.2", "prodigyopt": ">=1.1"})

    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    return have


def test_nothing_lacks_here():
    assert packages.report() == "" and set(packages._asked()) >= {"lycoris-lora", "pydantic", "bitsandbytes"}
    packages.check()


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (None, "lycoris-lora is missing"),
        ("3.2.0.post2", "lycoris-lora 3.2.0.post2 is there, not >=4.1,<4.2"),
        ("4.1", ""),
        ("4.1.3", ""),
        ("", ""),
    ],
)
def test_what_every_training_needs(there, version, said):
    there(lycoris_lora=version, prodigyopt="1.1")
    assert packages.report().startswith(said) and bool(packages.report()) == bool(said)
    if said:
        with pytest.raises(AthanorError) as error:
            packages.check()
        line = "install it with '/usr/bin/python3 -m pip install \"lycoris-lora>=4.1,<4.2\"' and start ComfyUI again."
        assert str(error.value) == f"{said}: {line}"
    else:
        packages.check()


def test_a_newer_one_is_said_and_tried_and_optimizers_are_a_choice(there):
    there(lycoris_lora="5.0", prodigyopt=None)
    assert packages.report().startswith(
        "lycoris-lora 5.0 is there, not >=4.1,<4.2, prodigyopt is missing (optimizers of these names cannot be chosen): "
    )
    packages.check()


def test_a_path_with_spaces_is_quoted(monkeypatch):
    monkeypatch.setattr(sys, "executable", "C:\\My ComfyUI\\python.exe")
    assert packages.pip("accelerate") == '"C:\\My ComfyUI\\python.exe" -m pip install accelerate'
