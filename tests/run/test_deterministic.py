"""Deterministic algorithms: torch's switches, and what is done about an operation that has no such form.

The switches are the process' own and can be set without a GPU: only the question for the device is answered otherwise here.
"""

import os
from types import ModuleType, SimpleNamespace

import own_loop
import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.host import determinism
from athanor.training_core.run.deterministic import DeterministicMode
from stepping import Device, batches

CPU = torch.device("cpu")


def switches():
    import torch._inductor.config as inductor

    return {
        "benchmark": torch.backends.cudnn.benchmark,
        "cudnn": torch.backends.cudnn.deterministic,
        "algorithms": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "compiler": inductor.deterministic,
        "fill": torch.utils.deterministic.fill_uninitialized_memory,
        "fp16_sums": torch.backends.cuda.matmul.allow_fp16_accumulation,
        "attention": torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed(),
    }


@pytest.fixture
def card(monkeypatch):
    monkeypatch.setattr(determinism, "KINDS", ("cpu",))
    monkeypatch.setenv(determinism.WORKSPACE, "")  # so that what is set there in between goes again
    monkeypatch.delenv(determinism.WORKSPACE)


@pytest.fixture
def fast():
    """A server with --deterministic --fast; everything is as before afterwards."""
    before = switches()
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = torch.backends.cuda.matmul.allow_fp16_accumulation = True
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    yield switches()
    torch.use_deterministic_algorithms(before["algorithms"], warn_only=before["warn_only"])
    torch.backends.cudnn.benchmark = before["benchmark"]
    torch.backends.cuda.matmul.allow_fp16_accumulation = before["fp16_sums"]
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(before["attention"])


TRAINED = {"benchmark": False, "fp16_sums": False, "attention": False}
EXACT = TRAINED | {"cudnn": True, "algorithms": True, "warn_only": False, "compiler": True, "fill": False}


def test_switches_are_set_inside_and_put_back(card, fast):
    with determinism.in_training(CPU):
        assert switches() == fast | TRAINED
        with determinism.deterministic(CPU):
            assert switches() == EXACT and os.environ[determinism.WORKSPACE] == ":4096:8"
            with determinism.outside_training():  # a picture is drawn in between
                assert switches() == fast
            assert switches() == EXACT
        assert switches() == fast | TRAINED
        with determinism.outside_training():
            assert switches() == fast
        assert switches() == fast | TRAINED
    assert switches() == fast
    with determinism.outside_training():
        assert switches() == fast


def test_an_error_puts_them_back(card, fast):
    with pytest.raises(KeyError), determinism.in_training(CPU), determinism.deterministic(CPU):
        raise KeyError
    assert switches() == fast and not determinism._outside
    with pytest.raises(KeyError), determinism.in_training(CPU), determinism.outside_training():
        raise KeyError
    assert switches() == fast


def test_a_cpu_is_left_alone(fast):
    with determinism.in_training(CPU), determinism.deterministic(CPU):
        assert switches() == fast


def test_what_the_user_has_told_cublas_stays(card, monkeypatch):
    monkeypatch.setenv(determinism.WORKSPACE, ":16:8")
    determinism.prepare()
    assert os.environ[determinism.WORKSPACE] == ":16:8"


def without_form():
    """An operation of torch that really has none, on a CPU as well."""
    return torch.zeros(4).put_(torch.tensor([1, 1]), torch.ones(2))


def test_auto_goes_on_without(card):
    exact, seen = DeterministicMode("auto", True, CPU), []

    def attempt():
        seen.append(torch.are_deterministic_algorithms_enabled())
        return without_form()

    assert exact(attempt)[1] == 1 and exact(attempt)[1] == 1
    assert seen == [True, False, False] and not exact.on
    (warned,) = exact.warnings()
    assert warned.text.startswith(
        "deterministic auto: put_ has no deterministic version on this GPU, so it is off: the same graph"
    )
    assert list(exact.warnings()) == [] and not torch.are_deterministic_algorithms_enabled()


def test_on_is_one_sentence(card):
    exact = DeterministicMode("on", True, CPU)
    with pytest.raises(
        AthanorError, match=r"^deterministic: put_ has no deterministic version on this GPU: set deterministic to off"
    ):
        exact(without_form)
    with pytest.raises(AthanorError, match="put_"), exact.update():
        without_form()


def test_other_errors_are_passed_on(card):
    for asked in ("auto", "on"):
        exact = DeterministicMode(asked, True, CPU)
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            exact(lambda: torch.ones(2, 3) @ torch.ones(2, 3))
        with pytest.raises(RuntimeError, match="shapes"), exact.update():
            torch.ones(2, 3) @ torch.ones(2, 3)
        assert exact.on


def test_cublas_that_has_started_before(card):
    """Word for word what torch 2.11 says of it."""
    said = (
        "Deterministic behavior was enabled with either `torch.use_deterministic_algorithms(True)` or "
        "`at::Context::setDeterministicAlgorithms(true)`, but this operation is not deterministic because it uses CuBLAS and you "
        "have CUDA >= 10.2. To enable deterministic behavior in this case, you must set an environment variable before running "
        "your PyTorch application: CUBLAS_WORKSPACE_CONFIG=:4096:8 or CUBLAS_WORKSPACE_CONFIG=:16:8."
    )

    def started():
        if torch.are_deterministic_algorithms_enabled():
            raise RuntimeError(said)
        return 1

    auto = DeterministicMode("auto", True, CPU)
    assert auto(started) == 1 and "cuBLAS, which had started before" in next(auto.warnings()).text
    with pytest.raises(AthanorError, match="start ComfyUI with CUBLAS_WORKSPACE_CONFIG=:4096:8 in its environment"):
        DeterministicMode("on", True, CPU)(started)


def test_a_step_and_its_update_are_computed_inside(card):
    device, seen = Device(2), []
    plain = device.predict

    def predict(noised, batch):
        seen.append(torch.are_deterministic_algorithms_enabled())
        return plain(noised, batch)

    device.predict = predict
    take = device.stepper()
    take._deterministic = DeterministicMode("auto", True, CPU)
    take._after_update = [lambda: seen.append(torch.are_deterministic_algorithms_enabled())]
    take(0, 0.01, batches(4))  # split as well
    assert seen == [True] * 4 and take.consistent
    take._after_update = [without_form]
    with pytest.raises(AthanorError, match="put_"):
        take(1, 0.01, batches(2))
    assert not take.consistent and not torch.are_deterministic_algorithms_enabled()


def test_the_interlude_has_what_the_server_has(card, fast, comfy):
    from athanor.training_core.host import guard, sampling

    sampler = SimpleNamespace(calculate_denoised=None)
    patcher = SimpleNamespace(model=SimpleNamespace(model_sampling=sampler))
    model = SimpleNamespace(patcher=patcher, device=CPU)
    with guard.training():
        assert switches() == fast | TRAINED
        with sampling.interlude(model):
            assert switches() == fast
        assert switches() == fast | TRAINED
    assert switches() == fast


def test_cublas_is_told_when_the_host_loads_the_pack(card, comfy, monkeypatch):
    """Before the first prompt: it reads it once."""
    from athanor import nodes

    for part in vars(nodes).values():  # there is no server
        if isinstance(part, ModuleType) and hasattr(part, "register"):
            monkeypatch.setattr(part, "register", lambda: None)
    monkeypatch.setattr(nodes.http, "anything_else", lambda path: None)
    frozen = []
    monkeypatch.setattr(nodes.gc, "freeze", lambda: frozen.append(1))
    own_loop.run(nodes.AthanorExtension().on_load())
    assert (
        frozen
    )  # what the host has imported is not walked over by every full collection, in which its server stands still
    assert os.environ[determinism.WORKSPACE] == ":4096:8"
