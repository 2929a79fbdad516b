"""Whole runs in this process: precision, memory settings, and what happens when memory or the disk runs out."""

import errno

import fuzz
import pytest
import torch
from whole_run import tensors, warnings, weights

pytestmark = pytest.mark.usefixtures("comfy")


def apart(one, two):
    """Distance of two LoRA files, as a part of the first's size."""
    a, b = (torch.cat([v.flatten().double() for _, v in sorted(tensors(p).items())]) for p in (one, two))
    return ((a - b).norm() / a.norm()).item()


def test_a_look_ahead_and_swapped_blocks_give_the_same_file(run, monkeypatch, caplog):
    """To the bit, with dropout, and so do blocks computed twice: the trial step moves nothing."""
    import logging

    from athanor.training_core.run import trial

    dropped = {"dropout": 0.2}
    _, plain = run("plain", network=dropped)
    _, swapped = run("swapped", network=dropped, blocks_to_swap=2, gradient_checkpointing="all")
    monkeypatch.setattr(trial, "TRIED_ON", ("cpu", "cuda"))
    with caplog.at_level(logging.INFO, "athanor"):
        _, tried = run("tried", network=dropped)
    assert "Athanor: a step takes" in caplog.text and "3 of 64x64" in caplog.text
    assert weights(plain) == weights(tried) == weights(swapped)


def test_no_room_for_the_largest_batch(run, plain, monkeypatch):
    """The look ahead says it; the step is split, and learns what it would have learnt; each said once."""
    from athanor.training_core.host.model import Trainable
    from athanor.training_core.run import trial

    predict = Trainable.predict

    def little(self, noised, batch):
        y = predict(self, noised, batch)
        if torch.is_grad_enabled() and len(batch.latents) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return y

    monkeypatch.setattr(Trainable, "predict", little)
    monkeypatch.setattr(trial, "TRIED_ON", ("cpu", "cuda"))
    events, split = run("split", gradient_checkpointing="off")
    told = [text for text in warnings(events) if "computed" in text]
    assert [t.partition(":")[0].partition(" does not fit")[0] for t in told] == [
        "A batch of 3 of 64x64",
        "Out of memory",
    ]
    assert all("Set gradient_checkpointing to all; or" in text for text in told)
    assert apart(plain, split) < 1e-3  # Adam makes much of the last bit of a small gradient


def test_auto_finds_what_fits(run, plain, monkeypatch):
    """One picture at a time with all blocks computed twice: told in one sentence, and the same LoRA is learnt."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host.model import Trainable
    from athanor.training_core.run import trial

    predict, checkpointed = Trainable.predict, Trainable.checkpointed

    def little(self, noised, batch):
        if torch.is_grad_enabled() and len(batch.latents) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return predict(self, noised, batch)

    hows = []
    monkeypatch.setattr(Trainable, "predict", little)
    monkeypatch.setattr(Trainable, "checkpointed", lambda self, *how: hows.append(how) or checkpointed(self, *how))
    monkeypatch.setattr(trial, "TRIED_ON", ("cpu", "cuda"))
    events, picked = run("picked")
    (told,) = [text for text in warnings(events) if "computed" in text]
    assert told.startswith("gradient_checkpointing auto: a batch of 3 of 64x64 needs more than available (of ")
    assert "all blocks are computed twice (gradient_checkpointing all) and batches are computed 1 at a time: " in told
    tries = [(how, False) for how in ("off", "part", "all", "all", "all", "all")]  # nothing in this run is random
    assert hows == [("off",), *tries]  # loaded; tried; taken
    assert apart(plain, picked) < 1e-3

    def never(self, noised, batch):
        if torch.is_grad_enabled():
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return predict(self, noised, batch)

    monkeypatch.setattr(Trainable, "predict", never)
    with pytest.raises(AthanorError, match=r"^Out of memory with one picture at a time\. Set "):
        run("never")


def test_auto_swaps_blocks_of_a_model_that_does_not_fit(run, plain, monkeypatch):
    """Loading is tried with a quarter more of the blocks in main memory each time."""
    from athanor.training_core.run import load as run_load
    from athanor.training_core.run import trial

    counts, load = [], run_load.trainable

    def small(*args, **options):
        counts.append(options["blocks_to_swap"])
        if counts[-1] < 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return load(*args, **options)

    monkeypatch.setattr(run_load, "trainable", small)
    monkeypatch.setattr(trial, "TRIED_ON", ("cpu", "cuda"))
    events, swapped = run("swapped")
    assert counts == [0, 1, 2]
    (told,) = [text for text in warnings(events) if "gradient_checkpointing auto" in text]
    assert "2 blocks are swapped (blocks_to_swap): " in told
    assert weights(plain) == weights(swapped)


def test_an_attempt_that_found_no_room_is_gone_before_the_next(run, monkeypatch):
    """Of a fine-tune it is a second whole model on the GPU."""
    import gc
    import weakref

    from athanor.training_core.run import load as run_load
    from athanor.training_core.run.memory_plan import OutOfRoom

    load, pick, made, alive = run_load.trainable, run_load.plan_steps, [], []

    def loads(*args, **options):
        gc.collect()
        alive.append([kind for kind, one in made if one() is not None])
        return load(*args, **options)

    def full(job, prepared, model, trained, *args, **options):
        if not made:
            made.extend((type(one).__name__, weakref.ref(one)) for one in (model, trained.module))
            raise OutOfRoom
        return pick(job, prepared, model, trained, *args, **options)

    monkeypatch.setattr(run_load, "trainable", loads)
    monkeypatch.setattr(run_load, "plan_steps", full)
    run("again")
    assert alive == [[], []]


def test_out_of_memory_beside_a_step_is_one_sentence(run, plain, monkeypatch):
    """In a look at the probe, where nothing can be split: CUDA forgets it before the run is saved, and the run goes on."""
    import comfy.model_management as mm
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host.model import Trainable
    from athanor.training_core.resume.checkpoint_writer import CheckpointWriter

    predict, rescue, done = Trainable.predict, CheckpointWriter.rescue, []

    def full(self, noised, batch):
        if not torch.is_grad_enabled() and done.append("looked") is None and done.count("looked") == 4:
            raise torch.AcceleratorError("CUDA error: out of memory")
        return predict(self, noised, batch)

    with monkeypatch.context() as at_once:
        at_once.setattr(Trainable, "predict", full)
        at_once.setattr(mm, "discard_cuda_async_error", lambda: done.append("forgotten"))
        at_once.setattr(CheckpointWriter, "rescue", lambda *args: done.append("saved") or rescue(*args))
        with pytest.raises(AthanorError, match=r"^Out of memory\. Set .* it resumes from step 1\.$"):
            run("stopped", validation={"validate_every_n_steps": 1})
    assert done.index("forgotten") < done.index("saved")
    assert weights(run("stopped")[1]) == weights(plain)


def test_a_cache_with_nan_of_an_earlier_run(run, tmp_path, monkeypatch):
    """Several in one batch: all of them are encoded anew."""
    from athanor.training_core.host import folders
    from safetensors import safe_open
    from safetensors.torch import save_file

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "cache")
    _, whole = run("whole")
    spoilt = 0
    for path in (tmp_path / "cache").rglob("*.safetensors"):
        found = tensors(path)
        if "mean" in found:
            with safe_open(path, "pt") as file:
                told = file.metadata()
            save_file(found | {"mean": found["mean"] * float("nan")}, path, metadata=told)
            spoilt += 1
    assert spoilt >= 4
    assert weights(run("again")[1]) == weights(whole)


def test_a_picture_whose_latents_are_nan_is_left_out(run, monkeypatch):
    """A VAE that overflows on one of four: it is named, the others are trained, and a stopped run goes on with the same ones, also
    after steps in which module_dropout has dropped every layer: their gradient is 0.
    """
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.history import registry, review
    from athanor.training_core.history.events import Probed, Stepped
    from athanor.training_core.host import folders
    from athanor.training_core.run import encoded
    from athanor.training_core.run.hooks import RunHooks

    encode, after_step, bad = encoded.host_vae.encode, RunHooks.after_step, []

    def overflows(vae, pixels):
        mean, std = encode(vae, pixels)
        bad[:] = bad or [pixels[0].clone()]  # the first picture, whenever it comes
        spoilt = [bool((picture == bad[0]).all()) for picture in pixels]
        mean[spoilt] = float("nan")
        return mean, std

    monkeypatch.setattr(encoded.host_vae, "encode", overflows)
    monkeypatch.setattr(folders, "cache_folder", lambda: folders.runs_folder() / "cache")
    dropped = {"module_dropout": 0.95}
    events, whole = run("whole", network=dropped, validation={"validate_every_n_steps": 3})
    (told,) = [text for text in warnings(events) if "NaN" in text]
    assert ".png: the VAE encodes it as NaN or infinity, so it is left out of the training; connect another VAE" in told
    steps = [event for event in events if isinstance(event, Stepped)]
    assert len(steps) == 6 and all(len(step.losses) == len(step.pictures) for step in steps)
    assert len({picture for step in steps for picture in step.pictures}) == 3
    assert {step.grad_norm == 0 for step in steps} == {True, False} and all(step.loss > 0 for step in steps)
    assert all(event.percent == event.percent for event in events if isinstance(event, Probed))
    record = registry.read(next(path.parent for path in folders.runs_folder().glob("*/run.json")))
    assert not any("gave NaN" in sentence["text"] for sentence in review.review(record)["verdict"])

    def stopped(self, progress):
        yield from after_step(self, progress)
        if progress.step == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as at_first:
        at_first.setattr(RunHooks, "after_step", stopped)
        with pytest.raises(KeyboardInterrupt):
            run("stopped", network=dropped)  # its one sample may be that picture
    assert weights(run("stopped", network=dropped)[1]) == weights(whole)
    monkeypatch.setattr(encoded.host_vae, "encode", lambda vae, pixels: (encode(vae, pixels)[0] * float("nan"), None))
    monkeypatch.setattr(folders, "cache_folder", lambda: folders.runs_folder() / "another")
    with pytest.raises(
        AthanorError, match=r"\.png and \d more: the VAE encodes it as NaN or infinity, which would ruin"
    ):
        run("never")


def test_a_rate_far_too_high_is_a_bad_verdict(run):
    """AdamW at 10: said before the first step, and its verdict, the list and report.html say what came of it."""
    from athanor.training_core.history import registry, report, review
    from athanor.training_core.history.events import Encoded, Stepped, Warned
    from athanor.training_core.host import folders

    look = {"probe_samples": 2, "validate_every_n_steps": 1}
    events, _ = run("high", optimizer={"learning_rate": 10.0}, validation=look)
    warned = [
        i for i, event in enumerate(events) if isinstance(event, Warned) and "learning_rate 10 is far" in event.text
    ]
    assert len(warned) == 1 and warned[0] < next(i for i, e in enumerate(events) if isinstance(e, (Encoded, Stepped)))
    folder = next(path.parent for path in folders.runs_folder().glob("*/run.json"))
    row, record = registry.summary(folder), registry.read(folder)
    assert row.state == "done" and row.harmed and row.warnings == len(set(warnings(events)))
    verdict = review.review(record)["verdict"]
    said = " ".join(sentence["text"] for sentence in verdict)
    assert verdict[0]["kind"] == "bad" and "The probe gave NaN or infinity after step 6: the LoRA is broken" in said
    assert "higher" not in said and "learning_rate 10 is far from what AdamW is used with" in said
    assert "6 steps in all, too few" in said and "learning_rate 10 is far" in report.page(record)


def test_a_model_that_gives_nan_is_named_before_the_first_step(run, monkeypatch):
    """The probe's first look tells, and no file of an untrained LoRA is left."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import folders
    from athanor.training_core.host.model import Trainable

    predict = Trainable.predict
    monkeypatch.setattr(Trainable, "predict", lambda *args: predict(*args) * float("nan"))
    with pytest.raises(AthanorError, match=r"^Loss is NaN or infinite before the first step: the model itself returns"):
        run("broken")
    assert not list(folders.lora_path("x").parent.glob("broken*"))


def test_memory_for_nothing_at_all(run, monkeypatch):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host.model import Trainable

    predict = Trainable.predict

    def none(self, noised, batch):
        if torch.is_grad_enabled():
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return predict(self, noised, batch)

    monkeypatch.setattr(Trainable, "predict", none)
    with pytest.raises(
        AthanorError, match=r"^Out of memory with one picture at a time\. Set gradient_checkpointing to all"
    ):
        run("none")


def test_a_full_disk_is_said_before_training(run, monkeypatch):
    from types import SimpleNamespace

    from athanor.training_core.history.events import Stepped, Warned
    from athanor.training_core.run import preflight

    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    events, _ = run("full")
    said = [i for i, e in enumerate(events) if isinstance(e, Warned) and " has 0.98 KB free: " in e.text]
    assert len(said) == 2  # of the LoRA files and of the state
    assert not any(isinstance(e, Stepped) for e in events[: said[-1]])


@pytest.mark.parametrize(
    "values",
    [
        # AdamW with these numbers: with scale_weight_norms, below.
        pytest.param({"mixed_precision": "bf16", "full_precision": "bf16"}, marks=pytest.mark.long),
        {"mixed_precision": "fp16", "full_precision": "fp16"},
        {"mixed_precision": "bf16", "full_precision": "bf16", "optimizer": {"ema_decay": 0.9}},
        {"mixed_precision": "bf16", "full_precision": "bf16", "optimizer": {"optimizer_type": "AdamWScheduleFree"}},
        {"mixed_precision": "bf16", "full_precision": "bf16", "network": {"algo": "lokr", "scale_weight_norms": 0.0}},
        {"mixed_precision": "bf16", "full_precision": "bf16", "network": {"scale_weight_norms": 1.0}},
        {"gradient_checkpointing": "part", "blocks_to_swap": 1, "mixed_precision": "bf16"},
    ],
)
def test_settings_together(run, values):
    """Ends with a file of finite weights that the stock loader applies; the same job gives the same file."""
    _, path = run("one", **values)
    first = weights(path)
    assert all(v.isfinite().all() for v in tensors(path).values())
    _, again = run("one", overwrite=True, **values)
    assert weights(again) == first


def test_an_fp8_base(run):
    """A MODEL as Load Diffusion Model makes it with fp8_e4m3fn, which recipe B trains on."""
    import quantised

    model = quantised.fp8("sd3")
    for algo in ("lora", "loha", "lokr"):
        _, path = run(f"fp8_{algo}", model=model, network={"algo": algo}, mixed_precision="bf16")
        assert all(v.isfinite().all() for v in tensors(path).values())
    assert {p.dtype for p in model.model.diffusion_model.parameters()} == {torch.float8_e4m3fn}


def test_a_disk_that_fills_up_while_a_state_is_written(run, plain, monkeypatch):
    """One sentence, the state before stays, and the run resumes from it. test_faults.py fills a real disk, where it may mount one."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.resume import state

    save_file, written = state.save_file, []

    def full(tensors, path, metadata):
        written.append(path)
        if len(written) == 1:
            return save_file(tensors, path, metadata=metadata)
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as at_first:
        at_first.setattr(state, "save_file", full)
        with pytest.raises(
            AthanorError, match=r"^The disk is full \(.+\): free some space and .*, it resumes from step 2\.$"
        ):
            run("full")
    assert len(written) > 1
    events, path = run("full")
    assert weights(path) == weights(plain) and any(type(event).__name__ == "Resumed" for event in events)


def test_the_run_folder_is_deleted_in_mid_run(run, plain, monkeypatch):
    """One sentence that names what is missing; what was trained is saved, and the run goes on to the same tensors."""
    import shutil

    from athanor.training_core.errors import AthanorError
    from athanor.training_core.history import log
    from athanor.training_core.history.events import Stepped

    add, folders = log.RunLog.add, []

    def deleting(self, event):
        if isinstance(event, Stepped) and event.step == 2 and not folders:
            shutil.rmtree(self._folder)
            folders.append(self._folder)
        return add(self, event)

    with monkeypatch.context() as at_first:
        at_first.setattr(log.RunLog, "add", deleting)
        with pytest.raises(
            AthanorError, match=r"its folder is not there any more: leave it .*, it resumes from step \d"
        ) as said:
            run("deleted")
    fuzz.check_message(str(said.value))
    assert str(folders[0] / "metrics.jsonl") in str(said.value)
    events, path = run("deleted")
    assert weights(path) == weights(plain) and any(type(event).__name__ == "Resumed" for event in events)
