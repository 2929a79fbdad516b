"""Which files a run leaves."""

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.history.events import Phase
from athanor.training_core.history.run_files import files_of
from athanor.training_core.network import files
from athanor.training_core.optim.averaging import Ema
from athanor.training_core.resume.checkpoint_writer import CheckpointWriter
from athanor.training_core.resume.progress import RunProgress
from athanor.training_core.resume.saving import Saver
from athanor.training_core.resume.state import State
from athanor.training_core.settings import TrainingSettings


class Fine:
    deviation = 0.001

    def trouble(self, precision: str) -> str:
        return ""


def saver(folder: Path, check=lambda tensors: Fine(), **values) -> Saver:
    trained = SimpleNamespace(
        tensors=lambda: {"weight": torch.ones(2)},
        write=files.save_lora,
        check=check,
        in_diffusers_names=lambda tensors: tensors if values.get("save_diffusers_copy") else None,
    )
    return Saver(
        target=folder / "x.safetensors",
        trained=trained,
        settings=TrainingSettings(**values),
        steps_per_epoch=10,
        metadata={},
        copies=folder / "copies",
        run=folder / "run",
    )


def names(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.iterdir())


def test_due():
    some = saver(Path(), save_every_n_epochs=2, save_every_n_steps=50)
    assert [n for n in range(1, 7) if some.due("epoch", n)] == [2, 4, 6]
    assert some.due("step", 100) and not some.due("step", 101)
    assert not saver(Path(), save_every_n_epochs=0).due("epoch", 1)


@pytest.mark.parametrize(("keep", "want"), [(0, 5), (1, 1), (2, 2), (9, 5)])
def test_the_last_epochs_are_kept(tmp_path: Path, keep, want):
    some = saver(tmp_path, save_last_n_epochs=keep)
    for epoch in range(1, 6):
        some(RunProgress(step=epoch * 10, epoch=epoch), "epoch")
        assert (tmp_path / f"x-{epoch:06}.safetensors").is_file()
    assert len(names(tmp_path)) == want and names(tmp_path)[-1] == "x-000005"
    some(RunProgress(step=60, epoch=6), "last")
    assert names(tmp_path)[0] == "x"


def test_the_last_steps_are_kept(tmp_path: Path):
    some = saver(tmp_path, save_last_n_steps=100)
    for step in range(50, 351, 50):
        some(RunProgress(step=step, epoch=0), "step")
    assert names(tmp_path) == ["x-step00000250", "x-step00000300", "x-step00000350"]


def test_a_check_that_fails_does_not_end_the_run(tmp_path: Path):
    def broken(tensors):
        raise RuntimeError("no memory")

    some = saver(tmp_path, check=broken)
    assert some(RunProgress(step=1), "last").trouble == "It could not be checked (no memory)."
    assert some(RunProgress(step=1), "interrupted").trouble == ""  # not checked: something else is wrong already
    assert names(tmp_path) == ["x", "x-step00000001"]


def test_the_mean_is_saved_beside_and_goes_with_its_file(tmp_path: Path):
    ema = Ema([torch.nn.Parameter(torch.ones(2))], 0.99)
    some = replace(saver(tmp_path, save_last_n_epochs=1, save_precision="float"), mean_weights=ema.swapped)
    some(RunProgress(step=10, epoch=1), "epoch")
    assert names(tmp_path) == ["x-000001", "x-000001-ema"]
    some(RunProgress(step=20, epoch=2), "epoch")
    some(RunProgress(step=30, epoch=3), "last")
    assert names(tmp_path) == ["x", "x-000002", "x-000002-ema", "x-ema"]
    assert {p.stem for p in files_of(tmp_path / "x.safetensors")} == set(names(tmp_path))


def test_copies_in_diffusers_names_lie_apart(tmp_path: Path):
    """Beside their files the host would list them, and apply only part of them; they go with their files."""
    some = saver(tmp_path, save_last_n_epochs=1, save_diffusers_copy=True)
    files.save_lora(tmp_path / "x-000001-diffusers.safetensors", {"weight": torch.zeros(2)}, {})  # an older version's
    for epoch in (1, 2):
        some(RunProgress(step=10 * epoch, epoch=epoch), "epoch")
        assert names(tmp_path) == ["copies", f"x-{epoch:06}"]
    some(RunProgress(step=30, epoch=3), "last")
    assert names(tmp_path / "copies") == ["x-000002-diffusers", "x-diffusers"]


def test_saved_inside_of_looking(tmp_path: Path):
    seen = []

    @contextmanager
    def eval_weights():
        seen.append("in")
        yield
        seen.append("out")

    some = saver(tmp_path, check=lambda tensors: seen.append("check") or Fine())
    replace(some, eval_weights=eval_weights)(RunProgress(step=1, epoch=1), "last")
    assert seen == ["in", "check", "out"]


def test_an_interrupt_during_the_check_loses_no_file(tmp_path: Path):
    """The host's operations can be interrupted, those of the check too: SIGTERM while a file was saved left it out of the log."""
    stopped = BaseException("interrupted")

    def check(tensors):
        raise stopped

    some = replace(saver(tmp_path, check), mean_weights=nullcontext)
    written = []
    resumable = SimpleNamespace(capture=lambda progress: State(progress.step, progress.epoch, {"a": torch.ones(1)}, {}))
    writer = CheckpointWriter(some, resumable, tmp_path / "state", 0)
    progress = RunProgress(step=8, epoch=2)
    with pytest.raises(BaseException, match="interrupted"):
        written.extend(writer.save(progress, "epoch"))
    assert [type(event) for event in written] == [Phase] and names(tmp_path) == ["x-000002", "x-000002-ema"]
    told = writer.rescue(progress)
    assert told and told.path.stem == "x-000002" and told.step == 8 and told.kind == "epoch"
    assert (tmp_path / "state" / "step00000008.safetensors").is_file() and names(tmp_path)[1:] == [
        "x-000002",
        "x-000002-ema",
    ]
