"""A run that stops by itself, in this process: its file is that of its best step, to the bit, and it goes on."""

from __future__ import annotations

import pytest
from whole_run import warnings, weights

pytestmark = pytest.mark.usefixtures("comfy")
LOOK = {"probe_samples": 2, "validate_every_n_steps": 1}


@pytest.fixture
def rising(monkeypatch):
    """The probe falls until step 2 and rises from there."""
    import dataclasses

    from athanor.training_core.run.probe import Probe

    look = Probe.look

    def told(self, step, *args, **kwargs):
        return dataclasses.replace(
            look(self, step, *args, **kwargs), percent=100 - 5 * step if step < 3 else 90.0 + step
        )

    monkeypatch.setattr(Probe, "look", told)


def record_of(path):
    from athanor.training_core.history import registry
    from athanor.training_core.history.run_files import run_id_of
    from athanor.training_core.host import folders

    return registry.read(folders.run_folder(run_id_of(path)))


def test_the_file_is_that_of_the_best_step(run, rising):
    """Of the weights that are looked at (a schedule-free average) and of the running mean beside them; it is gone on from."""
    how = {"optimizer": {"optimizer_type": "AdamWScheduleFree", "ema_decay": 0.9, "learning_rate": 1e-3}}
    _, plain = run("plain", validation=LOOK, save_every_n_steps=1, **how)
    events, path = run("itself", validation={**LOOK, "patience": 3}, **how)
    record = record_of(path)
    assert (
        record.done and record.steps == 6 and record.why.startswith("Stopped by itself at step 5 of 6: 3 measurements")
    )
    at = plain.with_name("plain-step00000002.safetensors")
    assert weights(path) == weights(at)
    ema = [p.with_name(f"{p.stem}-ema.safetensors") for p in (path, at)]
    assert weights(ema[0]) == weights(ema[1])
    (saved,) = [e for e in record.saved if e["kind"] == "last"]
    assert (saved["step"], saved["reached"]) == (2, 5) and record.saved[-1] == saved
    assert any("patience watches training pictures" in text for text in warnings(events))
    # Nothing of it is lost: without patience it goes on from its last step, and gives what it would have given.
    _, further = run("itself", validation=LOOK, **how)
    assert weights(further) == weights(plain) and record_of(further).steps == 6


def test_an_interrupted_one_goes_on_as_if_nothing_had_happened(run, rising, monkeypatch):
    from athanor.training_core.host import guard
    from athanor.training_core.run.hooks import RunHooks

    _, whole = run("whole", validation={**LOOK, "patience": 3})
    after = RunHooks.after_step

    def interrupted(self, progress):
        yield from after(self, progress)
        if progress.step == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(RunHooks, "after_step", interrupted)
        run("killed", validation={**LOOK, "patience": 3})
    assert not guard.interrupted()
    _, path = run("killed", validation={**LOOK, "patience": 3})
    assert weights(path) == weights(whole) and record_of(path).why == record_of(whole).why
    path.unlink()
    for second in (record_of(whole).folder.parent).rglob("files/killed.safetensors"):
        second.unlink()
    _, again = run("killed", validation={**LOOK, "patience": 3})
    assert weights(again) == weights(whole)
