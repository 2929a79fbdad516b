"""A cell that does not fit into memory is tried once more, with nothing of the first try in memory."""

import errno
import weakref
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch


class Weights:
    """Stands for what the first try has put on the device."""


class Models:
    """Models whose first picture fails."""

    def __init__(self, kind: type[Exception]) -> None:
        self.kind, self.tries = kind, 0

    def patch_nodes(self, _cell: object) -> list:
        return []

    def picture(self, _cell: object, _between: list) -> np.ndarray:
        self.tries += 1
        if self.tries == 1:
            patched = Weights()
            self.weights = weakref.ref(patched)
            raise self.kind("CUDA out of memory")
        return np.zeros((8, 8, 3), np.uint8)

    def forget(self) -> None:
        assert self.weights() is None  # the exception of the first try would hold it


@pytest.fixture
def pixels(comfy):
    from athanor.training_core.compare.engine import CellPainter

    return lambda models: CellPainter({}, models, None, None)._pixels(None)  # type: ignore[arg-type]


def test_the_second_try_has_all_memory(pixels):
    models = Models(torch.OutOfMemoryError)
    assert pixels(models).shape == (8, 8, 3) and models.tries == 2


def test_other_errors_are_not_tried_again(pixels):
    models = Models(ValueError)
    with pytest.raises(ValueError, match="out of memory"):
        pixels(models)
    assert models.tries == 1


def test_a_full_disk_ends_the_grid_at_once(comfy):
    """The next picture would be drawn in vain."""
    from athanor.training_core.compare.engine import sample
    from athanor.training_core.errors import AthanorError, FileError

    class Painter:
        drawn = 0
        models = SimpleNamespace(forget=lambda: None)

        def draw(self, _cell: object) -> None:
            self.drawn += 1
            raise FileError(errno.ENOSPC, "No space left on device", "/cells/a.png", "written")

    painter = Painter()
    said = (
        r"^The disk is full \(/cells/a\.png\): free some space and queue the graph again, finished pictures are kept\.$"
    )
    with pytest.raises(AthanorError, match=said):
        list(sample([SimpleNamespace(patched=(), model="m")] * 5, painter))  # type: ignore[arg-type]
    assert painter.drawn == 1


def test_garbage_is_collected_for_something_only(comfy, monkeypatch):
    """Each comparison, also with nothing to draw, stopped ComfyUI's server for two full collections."""
    from athanor.training_core.compare import model_cache, variants

    collections = []
    monkeypatch.setattr(variants.gc, "collect", lambda: collections.append(1))
    parts = variants.Variants({}, {}, connected={}, nodes=(), outputs={})
    models = model_cache.ModelCache(connected=(1, 2, 3), variants=parts)
    models.forget()
    models.forget()
    assert not collections
    parts._outputs = {"a": [1], "b": [2]}
    parts._keep(["a", "b"])
    assert not collections
    parts._keep(["b"])
    assert parts._outputs == {"b": [2]} and len(collections) == 1
    models._patched = ((), 1, 2)
    models.forget()
    assert len(collections) == 3 and not parts._outputs and models._patched is None
    models.forget()
    assert len(collections) == 3


def test_a_grid_without_any_picture_is_an_error(comfy):
    """As a result with one red tile in it, it looked finished."""
    from athanor.training_core.compare.report import outcome_text
    from athanor.training_core.errors import AthanorError

    models = SimpleNamespace(counts={}, partial={})
    prepared: Any = SimpleNamespace(
        plan=SimpleNamespace(order=[1], axes=()), painter=SimpleNamespace(models=models), title="", store=None
    )
    with pytest.raises(AthanorError, match=r"^no picture could be drawn: clip is of another kind of model\.$"):
        outcome_text(prepared, 1, [("", "clip is of another kind of model.")])


def test_what_is_skipped_is_said(comfy):
    """The axis node said it, XYZ Compare did not, whose own widgets take SKIP: too."""
    from athanor.training_core.compare.axes import Axis
    from athanor.training_core.compare.report import outcome_text

    axes = Axis("LoRA strength", (), skipped=2), Axis("prompt", ()), Axis("seed", (), skipped=1)
    models = SimpleNamespace(counts=Counter(), warnings={})
    plan = SimpleNamespace(order=[1], axes=axes)
    prepared: Any = SimpleNamespace(plan=plan, painter=SimpleNamespace(models=models), title="")
    assert outcome_text(prepared, 1, []).splitlines()[1:] == ["left out by SKIP: 2 of LoRA strength, 1 of seed"]


def test_a_lora_with_nan_is_named_once(comfy):
    """The host draws black pictures with it, which were handed out without a word."""
    from athanor.training_core.host.lora_fit import without_numbers

    whole, broken = torch.ones(2, 2, dtype=torch.float16), torch.tensor([1.0, float("nan")])
    assert without_numbers("a.safetensors", {"up": whole, "kept": torch.ones(2, dtype=torch.int64)}) == ""
    said = without_numbers("a.safetensors", {"up": whole, "down": broken, "alpha": torch.tensor(float("inf"))})
    assert said.startswith("a.safetensors holds NaN or infinity in 2 of 3 weights")
