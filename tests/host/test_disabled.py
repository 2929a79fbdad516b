"""ComfyUI's --disable-metadata: no graph in files, nothing beside the pixels of pictures."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cell import base_cell
from PIL import Image


@pytest.fixture(params=[False, True])
def disabled(request, comfy, monkeypatch) -> bool:
    from comfy.cli_args import args

    monkeypatch.setattr(args, "disable_metadata", request.param)
    return request.param


def test_files_are_recipes_at_most(disabled):
    from athanor.training_core.host.disabled import allowed

    choices = ("all", "whole page", "recipe", "minimal")
    assert [allowed(choice) for choice in choices] == (
        ["recipe", "recipe", *choices[2:]] if disabled else list(choices)
    )


def test_cells_of_comparisons(disabled, tmp_path: Path):
    from athanor.training_core.compare.engine import CellPainter, PngMetadata
    from athanor.training_core.compare.store import PictureStore

    cell = base_cell()
    models = SimpleNamespace(
        picture=lambda *_: np.zeros((8, 8, 3), np.uint8),
        patch_nodes=lambda cell: [],
        brings_vae=lambda cell: True,
        high_steps=lambda cell: None,
        shown=lambda cell: None,
        steps_of_text=lambda cell: False,
    )
    graph = {"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "C:\\Users\\Jane\\a.safetensors"}}}
    links = {name: ["1", number] for number, name in enumerate(("model", "clip", "vae"))}
    metadata = PngMetadata(graph=graph, links=links, labels={cell: {"LoRA": "/home/jane/x"}}, model="m")
    painter = CellPainter(keys={cell: "key"}, models=models, store=PictureStore(tmp_path), metadata=metadata)
    with Image.open(painter.draw(cell)) as image:
        told = dict(image.text)
    assert told.keys() == (set() if disabled else {"parameters", "xyz", "prompt", "workflow"})
    assert "ane" not in "".join(told.values())


def test_samples(disabled, tmp_path: Path, monkeypatch):
    from athanor.training_core.history.events import Sampled
    from athanor.training_core.run import samples
    from athanor.training_core.run.prompts import Prompt
    from athanor.training_core.settings import SamplingSettings

    @contextmanager
    def nothing(*_):
        yield

    monkeypatch.setattr(samples, "eval_mode", nothing)
    monkeypatch.setattr(samples.sampling, "interlude", nothing)
    monkeypatch.setattr(samples.Samples, "_picture", lambda *_: torch.zeros(8, 8, 3))
    prompt = Prompt(text="a cat", negative="", width=8, height=8, seed=1, cfg=1.0, steps=1, guidance=None)
    drawn = samples.Samples([prompt], SamplingSettings(), tmp_path, "x", None)
    progress, model = SimpleNamespace(step=1, epoch=1), SimpleNamespace(text=None, load=lambda: None)
    events = drawn.draw(progress, "step", model, torch.nn.Identity(), None)
    (event,) = [event for event in events if isinstance(event, Sampled)]
    with Image.open(event.path) as image:
        assert list(image.text) == ([] if disabled else ["parameters"])
