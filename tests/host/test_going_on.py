"""A run that goes on is computed as it was: the plan in its state. Out of memory in the optimizer's update.

Only a GPU is measured and can be full, so the CPU stands in for one (`TRIED_ON`, `KINDS`) whose room is a number of pictures.
"""

import logging

import pytest
import torch
from whole_run import warnings, weights

pytestmark = pytest.mark.usefixtures("comfy")


class Card:
    """The CPU as a GPU with room for so many pictures, whose steps are slower with deterministic algorithms."""

    def __init__(self, monkeypatch):
        from athanor.training_core.host import determinism
        from athanor.training_core.host.model import Trainable
        from athanor.training_core.run import step_plan, trial

        self.room, self.price, self.missing = (
            99,
            0.0,
            "",
        )  # pictures; of 1; the operation that has no deterministic form
        self.computed, self.exact = [], []  # pictures, and whether it was deterministic, of every pass of training
        predict, card = Trainable.predict, self

        def limited(self, noised, batch):
            if not torch.is_grad_enabled():
                assert not torch.are_deterministic_algorithms_enabled()  # the probe
                return predict(self, noised, batch)
            card.computed.append(len(batch.latents))
            card.exact.append(torch.are_deterministic_algorithms_enabled())
            if len(batch.latents) > card.room:
                raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
            if card.exact[-1] and card.missing:
                raise RuntimeError(f"{card.missing} does not have a deterministic implementation, but you set ...")
            return predict(self, noised, batch)

        monkeypatch.setattr(Trainable, "predict", limited)

        def price(attempt):
            assert attempt(True) and attempt(False)
            return self.price

        monkeypatch.setattr(step_plan, "slowdown", price)
        monkeypatch.setattr(trial, "TRIED_ON", ("cpu",))
        monkeypatch.setattr(determinism, "KINDS", ("cpu",))
        monkeypatch.setenv(determinism.WORKSPACE, determinism.REPRODUCIBLE)  # which would be set for good


@pytest.fixture
def card(monkeypatch):
    return Card(monkeypatch)


@pytest.fixture
def interrupt(monkeypatch):
    """interrupt(n): the user stops the next run before its n-th step from now."""
    from athanor.training_core.host import guard

    class Stopped(BaseException):
        pass

    left = [10**9]

    def interrupted():
        left[0] -= 1
        return left[0] < 0

    def stop():
        left[0] = 10**9
        raise Stopped

    def after(steps, act):
        left[0] = steps
        with pytest.raises(Stopped):
            act()

    monkeypatch.setattr(guard, "interrupted", interrupted)
    monkeypatch.setattr(guard, "interrupt", lambda: None)
    monkeypatch.setattr(guard, "stop_if_interrupted", lambda: stop() if left[0] < 0 else None)
    return after


def state_plan():
    from athanor.training_core.host import folders
    from athanor.training_core.resume import state

    found = [state.latest(folder / "state") for folder in folders.runs_folder().iterdir()]
    return next(kept.plan for kept in found if kept)


def never(*_args):
    raise AssertionError("tried")


def test_a_run_goes_on_as_it_was_computed(run, card, interrupt, monkeypatch, tmp_path):
    """Picked with little room; that there is more now changes nothing, and no other way is tried. The bytes are the same.

    With an empty cache, what is tried is encoded before the model is loaded, not beside it.
    """
    from athanor.training_core.host import folders
    from athanor.training_core.run import encoded, step_plan

    card.room = 2
    _, whole = run("whole")
    interrupt(3, lambda: run("broken"))
    assert state_plan() | {"asked": 0} == {
        "asked": 0, "device": "cpu", "checkpointing": "all", "most": 2, "swapped": 0, "deterministic": True
    }  # fmt: skip
    card.room = 99
    card.computed.clear(), card.exact.clear()
    with monkeypatch.context() as context:
        context.setattr(step_plan, "search", never)
        context.setattr(step_plan, "slowdown", never)
        context.setattr(folders, "cache_folder", lambda: tmp_path / "empty")
        context.setattr(encoded.Encodings, "fetch_again", never)
        events, broken = run("broken")
    assert max(card.computed) == 2 and all(card.exact)
    assert weights(broken) == weights(whole)
    assert not [text for text in warnings(events) if "resumes" in text or "gradient_checkpointing" in text]


def test_what_does_not_fit_any_more_is_said(run, card, interrupt):
    interrupt(3, lambda: run("broken"))
    assert state_plan()["most"] is None
    card.room = 1
    events, _ = run("broken")
    (said,) = [text for text in warnings(events) if text.startswith("The run resumes")]
    assert said.startswith("The run resumes with batches computed 1 at a time instead of with whole batches: its files")
    assert any(text.startswith("gradient_checkpointing auto: a batch of 3") for text in warnings(events))


def test_a_split_in_mid_run_is_kept(run, card, interrupt):
    """Also of a finished run that goes on for more steps, with settings that leave nothing to pick.

    Twice, each time from within an epoch of two steps, whose rest was left out once; and the third run was called longer_2.
    """
    card.room = 2
    asked = {"gradient_checkpointing": "off"}
    _, whole = run("whole", **asked)
    run("longer", max_train_steps=1, **asked)
    run("longer", max_train_steps=3, **asked)
    assert state_plan()["most"] == 2
    card.room = 99
    card.computed.clear()
    events, longer = run("longer", **asked)
    assert any(text.startswith("Continues the run of 3 steps") for text in warnings(events))
    assert longer.stem == "longer" and max(card.computed) == 2 and weights(longer) == weights(whole)


def test_deterministic_auto_is_what_it_costs(run, card, caplog):
    """Off where a step is more than 10 % slower, and said; the choice is in the state; the file is the same on a CPU."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    with caplog.at_level(logging.INFO, "athanor"):
        _, cheap = run("cheap", deterministic="on")
    assert all(card.exact) and state_plan()["deterministic"] and "longer with deterministic" not in caplog.text
    card.exact.clear()
    card.price = 0.12
    with caplog.at_level(logging.INFO, "athanor"):
        events, dear = run("dear", retrain=True)
    (said,) = [text for text in warnings(events) if "deterministic" in text]
    assert said == (
        "deterministic auto: deterministic algorithms would make a step 12% slower here, so it is off: the same graph and seed "
        "give the same LoRA except for rounding, not byte for byte. Set deterministic to on where that matters, to off where it does not."
    )
    assert card.exact[:2] == [True, True] and not any(card.exact[-6:]) and "longer with deterministic" in caplog.text
    assert weights(dear) == weights(cheap)
    assert before == (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def test_an_operation_without_a_deterministic_form(run, card, interrupt):
    from athanor.training_core.errors import AthanorError

    _, plain = run("plain", deterministic="off")
    assert not any(card.exact)
    card.missing = "cumsum_cuda_kernel"
    events, auto = run("auto")
    (said,) = [text for text in warnings(events) if "deterministic" in text]
    assert said.startswith(
        "deterministic auto: cumsum_cuda_kernel has no deterministic version on this GPU, so it is off: "
    )
    assert weights(auto) == weights(plain)
    with pytest.raises(
        AthanorError,
        match=r"^deterministic: cumsum_cuda_kernel has no deterministic version .* set deterministic to off",
    ):
        run("on", deterministic="on")
    card.missing = ""
    interrupt(2, lambda: run("late"))
    card.missing = "cumsum_cuda_kernel"  # it was not met before
    events, late = run("late")
    said, other = [text for text in warnings(events) if "deterministic" in text]
    assert said.startswith("deterministic auto: cumsum") and other.startswith(
        "The run resumes without deterministic algorithms"
    )
    assert weights(late) == weights(plain)


class Broken:
    """Optimizers that have no room from step number `at` on, once it is half done."""

    def __init__(self, monkeypatch, at):
        from athanor.training_core.optim import optimizers

        build, self.steps, self.at = optimizers.OptimizerChoice.build, 0, at

        def one(choice, groups):
            optimizer = build(choice, groups)
            plain = optimizer.step

            def step(*args, **kwargs):
                self.steps += 1
                if self.steps >= self.at:
                    optimizer.param_groups[0]["params"][0].data.add_(1)
                    raise torch.OutOfMemoryError("CUDA out of memory.")
                return plain(*args, **kwargs)

            optimizer.step = step
            return optimizer

        monkeypatch.setattr(optimizers.OptimizerChoice, "build", one)


def loras(tmp_path):
    return sorted(path.name for path in (tmp_path / "loras").glob("*.safetensors"))


def test_no_room_for_the_first_update_is_known_before_the_first_step(run, plain, card, monkeypatch, tmp_path):
    from athanor.training_core.errors import AthanorError

    with monkeypatch.context() as context:
        broken = Broken(context, at=1)
        with pytest.raises(
            AthanorError,
            match=r"^Out of memory while the optimizer updates the weights\. Set optimizer_type to AdamW8bit",
        ):
            run("full", gradient_checkpointing="off")
    assert broken.steps >= 1 and card.computed == [] and loras(tmp_path) == []
    _, full = run("full")
    assert weights(full) == weights(plain)


def test_no_room_for_an_update_leaves_what_was_kept(run, monkeypatch, tmp_path):
    """Where no step was tried (here: a CPU), it is one sentence, and no file has half of an update."""
    from athanor.training_core.errors import AthanorError

    wanted = r"^Out of memory while the optimizer updates the weights; the run resumes from its last saved state\. Set optimizer_type"
    _, whole = run("whole", save_every_n_steps=2)
    with monkeypatch.context() as context, pytest.raises(AthanorError, match=wanted):
        Broken(context, at=1)
        run("full", save_every_n_steps=2)
    assert not [name for name in loras(tmp_path) if name.startswith("full")]
    with monkeypatch.context() as context, pytest.raises(AthanorError, match=wanted):
        Broken(context, at=4)
        run("full", save_every_n_steps=2)
    assert "full-step00000002.safetensors" in loras(tmp_path)
    for name in loras(tmp_path):
        if name.startswith("full"):
            assert weights(tmp_path / "loras" / name) == weights(tmp_path / "loras" / "whole-step00000002.safetensors")
    _, full = run("full", save_every_n_steps=2)
    assert weights(full) == weights(whole)


def test_every_name_of_out_of_memory(comfy):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import devices

    full = devices.is_out_of_memory
    assert full(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."))
    assert full(torch.AcceleratorError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA"))
    assert full(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert full(RuntimeError("Triton Error [CUDA]: out of memory")) and full(
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")
    )
    assert not full(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not full(torch.AcceleratorError("CUDA error: device-side assert triggered"))
    assert not full(AthanorError("Out of memory with one picture at a time.")) and not full(MemoryError())
