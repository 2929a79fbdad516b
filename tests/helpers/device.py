"""What the tests' ComfyUI computes on: the CPU, or a card if ATHANOR_DEVICE=cuda."""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def on_cpu() -> bool:
    """Whether ComfyUI is to use no card."""
    named = os.environ.get("ATHANOR_DEVICE") or "cpu"
    if named not in ("cpu", "cuda"):
        raise ValueError(f"ATHANOR_DEVICE is {named}: set it to cpu or cuda.")
    return named == "cpu"


def sleep_while_waiting() -> None:
    """Let the CPU's threads, also those of processes that tests start, sleep while they wait; before torch is imported.

    Three sets of tests on two cores spin against each other else: see `training_core.host.devices.advice_on_threads`.
    """
    if on_cpu():
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


OURS = ("$ATHANOR", "$COMFYUI", "$CUBLAS", "$OMP", "$GOMP")


def draw_anew() -> None:
    """Let torch draw the same numbers whatever ran before: a new process starts with others each time, so a tolerance was met by luck."""
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(0)


def shared_state() -> dict[str, Any]:
    """The environment ("$NAME"), the working directory and torch's switches of this process."""
    found: dict[str, Any] = {f"${name}": value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    found["working directory"] = Path.cwd()
    if torch := sys.modules.get("torch"):
        found["default type"], found["threads"] = torch.get_default_dtype(), torch.get_num_threads()
        found["deterministic"] = torch.are_deterministic_algorithms_enabled()
        found["gradients"] = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    return found


def changed_since(before: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What `shared_state` had then and has now, where it differs.

    Libraries that are imported in between set variables of their own: of new ones only those count that the pack reads.
    """
    now = shared_state()
    names = before.keys() | {name for name in now if name.startswith(OURS)}
    return {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}


def load_pack() -> None:
    """Load the pack as the package `athanor`, the way ComfyUI does it, and put the tests' own helpers on the path."""
    # The pack has a folder `nodes`, ComfyUI a module `nodes`: the pack's root must not be on the path.
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != ROOT]
    sys.path[:0] = [str(ROOT / "tests" / "helpers"), str(ROOT / "demo"), str(ROOT / "tools")]
    spec = importlib.util.spec_from_file_location(
        "athanor", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["athanor"] = module
    spec.loader.exec_module(module)


SHORT_CLIP = ROOT / "tests" / "helpers" / "short_clip"


def short_clip() -> None:
    """Let every ComfyUI that is started from here on build the short CLIP-L of the tests' checkpoints."""
    known = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    if str(SHORT_CLIP) not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(SHORT_CLIP), *known])


def load_host(comfyui: Path, **options: Any) -> None:
    """ComfyUI's modules in this process; `options` as its command line has them."""
    if not on_cpu():  # as the pack does where ComfyUI loads it
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    sys.path.insert(0, str(comfyui))
    import comfy.cli_args

    vars(comfy.cli_args.args).update(options, cpu=on_cpu())
    import comfy.model_management
    import comfy.sd

    runpy.run_path(str(SHORT_CLIP / "sitecustomize.py"))["shorten"](comfy.sd)
