"""Exceptions of a model, ComfyUI or torch reached the page bare, as "(32, 16)": where it happened, and what to do, is said."""

from __future__ import annotations

import errno
import logging
import traceback
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AssertionError((32, 16)), "It fails (AssertionError: (32, 16)): do this. The whole error is in the log."),
        (AssertionError(), "It fails (AssertionError): do this. The whole error is in the log."),
        (
            RuntimeError("shapes\ncannot\nbe"),
            "It fails (RuntimeError: shapes): do this. The whole error is in the log.",
        ),
        (KeyError("x" * 400), " … "),
        (
            RuntimeError("CUDA error: an illegal memory access"),
            "restart ComfyUI, since the GPU answers nothing any more.",
        ),
        (MemoryError(), "It fails (MemoryError): the computer's memory is full: close other programs"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), ": the computer's memory is full: close other"),
    ],
)
def test_a_sentence_of_ours(error, said):
    from athanor.training_core.errors import ForeignFault
    from athanor.training_core.host.foreign import telling

    with pytest.raises(ForeignFault) as caught, telling(lambda: "It fails", "do this"):
        raise error
    assert said in str(caught.value) and len(str(caught.value)) < 250
    assert caught.value.__cause__ is error and type(caught.value).__module__ == "athanor"


def test_what_is_told_elsewhere_passes():
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host.foreign import telling

    for error in (
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        AthanorError("lr is 10."),
        OSError(errno.ENOSPC, "No space left on device", "/a"),
        KeyboardInterrupt(),
    ):
        with pytest.raises(BaseException) as caught, telling(lambda: "It fails", "do this"):
            raise error
        assert caught.value is error


def test_a_run_names_step_pictures_and_size(run, monkeypatch, tmp_path):
    """Each place where a model of others works in a run; the log has the exception as the cause."""
    import folder_paths
    from athanor.training_core.errors import ForeignFault
    from athanor.training_core.history import registry
    from athanor.training_core.host import folders
    from athanor.training_core.host.model import Trainable
    from athanor.training_core.run import encoded

    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path / "user"))  # nothing is encoded yet
    predict = Trainable.predict

    def too_large(*_: Any) -> None:
        raise AssertionError((32, 16))

    def in_a_step(self: Any, *args: Any) -> Any:
        return too_large() if torch.is_grad_enabled() else predict(self, *args)

    size = (
        r"with .+\.png.* at 64x64 pixels \(AssertionError: \(32, 16\)\): .+ set another width and height in Bucketer\."
    )
    for target, name, what, said in (
        (encoded.host_text, "encode", too_large, "^The text encoder cannot read the caption '"),
        (
            encoded.host_vae,
            "encode",
            too_large,
            r"^The VAE cannot encode .+\.png.* \(AssertionError: \(32, 16\)\): connect",
        ),
        (Trainable, "predict", too_large, f"^The loss before training cannot be measured {size}"),
        (Trainable, "predict", in_a_step, f"^Step 1 fails {size}"),
        (Trainable, "load", too_large, "^The model cannot be loaded for training "),
    ):
        with monkeypatch.context() as patch, pytest.raises(ForeignFault, match=said) as caught:
            patch.setattr(target, name, what)
            run("odd")
        assert isinstance(caught.value.__cause__, AssertionError)
        (folder,) = folders.runs_folder().iterdir()
        record = registry.read(folder)
        assert record and (record.status, record.why) == ("failed", str(caught.value))


@pytest.mark.parametrize("where", ["bare", "in a loader"])
def test_cells_that_foreign_code_fails(where, caplog):
    """Each was taken for a LoRA that does not fit, once a sentence told it: all were tried, and no log had the exception."""
    from athanor.training_core.compare.engine import PATIENCE, sample
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host.foreign import telling

    drawn = []

    class Painter:
        models = SimpleNamespace(forget=lambda: None)
        store, keys = SimpleNamespace(log_cell=lambda *_, **__: None), {}

        def draw(self, _cell: object) -> None:
            drawn.append(_cell)
            with (
                telling(lambda: "a.safetensors cannot be loaded", "choose another")
                if where != "bare"
                else nullcontext()
            ):
                raise AssertionError((32, 16))

    class Cell(SimpleNamespace):
        __hash__ = object.__hash__

    cells = [Cell(patched=(), width=512, height=256, sampler="euler") for _ in range(PATIENCE + 3)]
    painter = Painter()
    painter.keys = dict.fromkeys(cells, "key")
    what, advice = {
        "bare": ("The model cannot draw 512x256 with euler", "try another width and height, or another sampler"),
        "in a loader": ("a.safetensors cannot be loaded", "choose another"),
    }[where]
    said = (
        rf"3 pictures in a row could not be drawn; the last one: {what} \(AssertionError: \(32, 16\)\): {advice}\. The whole "
        r"error is in the log\. Finished pictures"
    )
    with pytest.raises(AthanorError, match=said):
        list(sample(cells, painter))  # type: ignore[arg-type]
    assert len(drawn) == PATIENCE and all("AssertionError: (32, 16)" in str(r.exc_text) for r in caplog.records)


def test_the_command_line_shows_the_whole_error():
    """Its sentence referred to a log from which all lines on failed nodes were taken out."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host.foreign import telling
    from athanor.training_core.host.headless import is_shown

    def logged(error: Exception) -> list[bool]:
        try:
            if isinstance(error, AthanorError):
                raise error
            with telling(lambda: "It fails", "do this"):
                raise error
        except AthanorError as caught:  # as the host's execution.py logs it
            texts = f"!!! Exception during processing !!! {caught}", traceback.format_exc()
        record = logging.LogRecord
        return [is_shown(record("root", logging.ERROR, "/c/execution.py", 1, text, None, None)) for text in texts]

    assert logged(AssertionError((32, 16))) == [False, True]
    assert logged(AthanorError("lr is 10.")) == [False, False]
    assert is_shown(logging.LogRecord("root", logging.ERROR, "/c/main.py", 1, "port is taken", None, None))
