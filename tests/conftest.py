"""Load the pack as the package `athanor`, the way ComfyUI does it, and put the real ComfyUI on the path."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

import device
import order

device.sleep_while_waiting()
device.short_clip()
device.load_pack()
collect_ignore = ["gpu"]  # its parts are run by tests/gpu/check.sh


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run files, and the tests in each, in a random order")


def pytest_configure(config: pytest.Config) -> None:
    if "COMFYUI_PATH" not in os.environ:
        pytest.exit("COMFYUI_PATH is not set: run the tests with 'python dev.py test'.", returncode=2)
    config.option.loadscopereorder = False  # pytest-xdist puts files with few tests last, which are our slowest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return order.scheduler(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)  # before pytest brings tests with the same parameters of a fixture together
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("--shuffle")
    items[:] = order.slow_first(items) if seed is None else order.shuffled(items, seed)


@pytest.hookimpl(hookwrapper=True)
def pytest_collection() -> Iterator[None]:
    """Thousands of tests stay to the end: looking through them at each `gc.collect`, of which out of memory takes several, took minutes."""
    gc.disable()
    yield
    gc.enable()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    device.draw_anew()  # before what the fixtures of the module draw


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """What tests of one process share is as it was: else another one fails, and only where it happens to run after this one."""
    device.draw_anew()
    before = device.shared_state()
    yield
    assert not device.changed_since(before)


@pytest.fixture(scope="session")
def comfyui() -> Path:
    return Path(os.environ["COMFYUI_PATH"])


@pytest.fixture(scope="session")
def comfy(comfyui: Path) -> None:
    """The real ComfyUI's modules in this process, on the CPU unless ATHANOR_DEVICE says another."""
    device.load_host(comfyui)
    gc.freeze()


@pytest.fixture(scope="session")
def checkpoints(comfy: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small random checkpoints in real layouts, by family."""
    import tiny

    folder = tmp_path_factory.mktemp("checkpoints")
    return {"sd15": tiny.sd15(folder / "sd15.safetensors"), "sd3": tiny.sd3(folder / "sd3.safetensors")}
