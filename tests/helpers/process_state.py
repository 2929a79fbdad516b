"""What of a process belongs to all that runs in it, and must be after a run what it was before."""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import random
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch


def _random() -> dict[str, Any]:
    drawn = hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()
    return {"torch": drawn, "python": hash(random.getstate()), "numpy": hash(np.random.get_state()[1].tobytes())}


def _torch() -> dict[str, Any]:
    from athanor.training_core.host import determinism

    switches: dict[str, Any] = {}
    for name, switch in determinism._SWITCHES.items():
        if name != "algorithms":
            switches[name] = switch.read()
    return {
        **switches,
        "algorithms": torch.are_deterministic_algorithms_enabled(),
        "outside": dict(determinism._outside),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "float32": torch.get_float32_matmul_precision(),
        "tf32": torch.backends.cudnn.allow_tf32,
    }


def _host() -> dict[str, Any]:
    import comfy.ldm.flux.math as turned
    import comfy.model_management as mm
    from athanor.training_core.run import control

    return {
        "in_training": mm.in_training,
        "intermediate_device": id(mm.intermediate_device),
        "rotations": (id(turned._apply_rope1), id(turned._apply_rope)),
        "listening": control.live(),
        "handlers": [type(handler).__name__ for handler in logging.getLogger().handlers],
        "filters": len(logging.getLogger("LyCORIS").filters),
        "level": logging.getLogger("LyCORIS").level,
        "environment": hash(tuple(sorted((k, v) for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"))),
        "threads": sorted(t.name for t in threading.enumerate() if t.name.startswith("athanor-")),
    }


def _modules(model: torch.nn.Module) -> dict[str, Any]:
    """Each module's class, what hangs on it, and its weights as objects and memory."""
    found: dict[str, Any] = {}
    for path, module in model.named_modules():
        own = [
            name
            for name in module.__dict__
            if name in ("forward", "encode", "encode_token_weights") or "athanor" in name
        ]
        weights = {
            name: (id(p), p.data_ptr() if not p.is_meta else 0, str(p.dtype), p.requires_grad)
            for name, p in (*module._parameters.items(), *module._buffers.items())
            if p is not None
        }
        hooks = len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
        found[path] = (id(type(module)), own, weights, hooks, module.training)
    return found


def _bytes(model: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def roots(models: tuple[Any, Any, Any]) -> list[torch.nn.Module]:
    """The modules of MODEL, CLIP and VAE."""
    model, clip, vae = models
    return [model.model, clip.cond_stage_model, vae.first_stage_model]


def of_process() -> dict[str, Any]:
    """Generators of random numbers, switches of torch, what the host does, and threads."""
    return {"random": _random(), "torch": _torch(), "host": _host()}


def of_models(models: tuple[Any, Any, Any], whole: bool = True) -> dict[str, Any]:
    """Modules and weights of the graph's models; `whole`: and all their bytes."""
    names = ("model", "clip", "vae")
    told: dict[str, Any] = {name: _modules(root) for name, root in zip(names, roots(models), strict=True)}
    if whole:
        told |= {f"{name} bytes": _bytes(root) for name, root in zip(names, roots(models), strict=True)}
    sampling = models[0].model.model_sampling.__dict__
    return told | {"raw": "calculate_denoised" in sampling, "channels": models[2].latent_channels}


def foreign(graphs: Iterable[tuple[Any, Any, Any]]) -> list[str]:
    """The models that the host holds which are none of the graphs'."""
    import comfy.model_management as mm

    own = {id(root) for models in graphs for root in roots(models)}
    return [type(m.model.model).__name__ for m in mm.current_loaded_models if m.model and id(m.model.model) not in own]


def differences(before: dict[str, Any], after: dict[str, Any], path: str = "") -> list[str]:
    """The places where two such tables differ."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            found += differences(one, other, f"{path}{name}/")
        else:
            found.append(f"{path}{name}: {one} -> {other}")
    return found


def resources(folders: list[Path]) -> dict[str, int]:
    """What may not grow from run to run: memory in MB, tensors and their bytes, threads, open files, temporary files."""
    gc.collect()
    tensors = [value for value in gc.get_objects() if issubclass(type(value), torch.Tensor)]
    descriptors = len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0
    return {
        "MB": _resident(),
        "tensors": len(tensors),
        "objects": len(gc.get_objects()),
        "threads": threading.active_count(),
        "descriptors": descriptors,
        "temporary": sum(1 for folder in folders for path in folder.rglob("*") if path.suffix == ".tmp"),
    }


def _resident() -> int:
    if sys.platform != "linux":
        return 0
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
