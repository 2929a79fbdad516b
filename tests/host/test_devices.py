"""What is said of the device that ComfyUI computes on."""

import subprocess
import sys

import fuzz
import pytest
import torch
from host import Host

with_libgomp = pytest.mark.skipif(sys.platform != "linux", reason="libgomp is that of PyTorch for Linux")


@pytest.fixture
def unset(comfy, monkeypatch):
    """Nothing has been said yet, and the variable is not set."""
    from athanor.training_core.host import devices

    monkeypatch.setattr(devices, "_advised", [])
    monkeypatch.setattr(devices, "compute_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    return devices


@with_libgomp
def test_threads_that_spin_are_said_once(unset):
    (said,) = unset.advice_on_threads()
    fuzz.check_message(said)
    assert "OMP_WAIT_POLICY=PASSIVE" in said and unset.advice_on_threads() == []


@with_libgomp
@pytest.mark.parametrize("why", ["set", "one thread", "a card"])
def test_nothing_is_said_where_it_helps_nobody(unset, monkeypatch, why):
    if why == "set":
        monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    elif why == "a card":
        monkeypatch.setattr(unset, "compute_device", lambda: torch.device("cuda"))
    else:
        monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert unset.advice_on_threads() == []


@pytest.mark.parametrize(("cpu", "policy"), [(True, "PASSIVE"), (False, None)])
def test_a_server_on_the_cpu_is_started_with_threads_that_sleep(monkeypatch, tmp_path, cpu, policy):
    class Started(Exception):
        pass

    def popen(*_: object, env: dict[str, str], **__: object) -> None:
        assert env.get("OMP_WAIT_POLICY") == policy
        raise Started

    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(Started):
        Host(tmp_path, tmp_path / "base", cpu=cpu).start()
