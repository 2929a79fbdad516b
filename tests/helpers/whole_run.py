"""Whole runs of the small SD3 in this process: no server, no graph."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import graphs
import pytest
import torch
from athanor.training_core import settings as s


def models_of(checkpoint: Path) -> tuple[Any, Any, Any]:
    """(MODEL, CLIP, VAE) of a checkpoint."""
    import comfy.sd

    with torch.inference_mode():
        return comfy.sd.load_checkpoint_guess_config(str(checkpoint))[:3]


def trainer(models: tuple[Any, Any, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A function that trains three epochs on four pictures and gives (events, path of the LoRA); all files lie in `folder`."""
    import folder_paths
    from athanor.training_core.data import plan, scan
    from athanor.training_core.history.events import Saved
    from athanor.training_core.host import guard
    from athanor.training_core.run.train import train

    monkeypatch.setattr(folder_paths, "output_directory", str(folder / "output"))
    extensions = folder_paths.folder_names_and_paths["loras"][1]
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(folder / "loras")], extensions))
    graphs.draw_dataset(folder / "ds")
    dataset = scan.scan(s.DatasetSettings(folder="ds"), folder / "ds")
    buckets = plan.sort_into_buckets(dataset, s.BucketSettings(width=64, height=64, batch_size=3, min_bucket_reso=64))

    def run(
        name: str,
        model: Any = None,
        clip: Any = None,
        validation: dict | None = None,
        network: dict | None = None,
        optimizer: dict | None = None,
        **training: Any,
    ) -> tuple[list[Any], Path]:
        job = s.Job(
            datasets=dataset.subsets,
            buckets=buckets.settings,
            dataset_fingerprint=dataset.fingerprint,
            model_fingerprint="m",
            validation=s.ValidationSettings(**(validation or {})),
            network=s.NetworkSettings(rank=4, **(network or {})),
            optimizer=s.OptimizerSettings(**{"learning_rate": 1e-3} | (optimizer or {})),
            # In float32 on a card, too: what is compared is not to differ by the rounding of half precision.
            training=s.TrainingSettings(
                **({"mixed_precision": "no"} | training), output_name=name, epochs=3, save_precision="float"
            ),
        )
        _, own_clip, vae = models
        with guard.training():
            events = list(train(job, buckets, model or models[0], clip or own_clip, vae))
        (last,) = [e for e in events if isinstance(e, Saved) and e.kind == "last"]
        assert not last.trouble, last.trouble
        return events, last.path

    return run


def tensors(path: Path) -> dict[str, torch.Tensor]:
    import safetensors.torch

    return safetensors.torch.load_file(path)


def weights(path: Path) -> dict[str, str]:
    """A hash of each tensor of a file."""
    return {k: hashlib.sha256(v.numpy().tobytes()).hexdigest() for k, v in tensors(path).items()}


def warnings(events: list[Any]) -> list[str]:
    from athanor.training_core.history.events import Warned

    return [e.text for e in events if isinstance(e, Warned)]
