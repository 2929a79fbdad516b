"""A model of no known family: refused with the name of the switch, and trained with what is guessed when that is on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import whole_run
from family_cases import gradient

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

BLOCK = "comfy.ldm.modules.diffusionmodules.mmdit.JointBlock"


@pytest.fixture
def unknown(checkpoints, monkeypatch) -> tuple[Any, Any, Any]:
    """MODEL, CLIP and VAE of an SD3, in a pack that has never heard of it."""
    from athanor.training_core import families
    from athanor.training_core.families import guess
    from athanor.training_core.host import detection

    others = tuple(row for row in families.FAMILIES if row.title != "SD3")
    for module in (families, detection):
        monkeypatch.setattr(module, "FAMILIES", others)
    for name in ("BLOCKS", "IN_PLACE", "RECOMPUTED", "TARGETS"):
        monkeypatch.setattr(guess, name, getattr(guess, name) - {BLOCK})
    return whole_run.models_of(checkpoints["sd3"])


def test_it_is_refused_with_the_name_of_the_switch(unknown):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    with pytest.raises(
        AthanorError, match=r"^MODEL is of type SD3, which is not supported yet .* train_unknown_model on"
    ):
        detection.detect(unknown[0])


def test_a_model_with_a_reason_stays_refused():
    from athanor.training_core.families import may_be_tried
    from athanor.training_core.families.refused import REFUSED

    assert may_be_tried("ModelOfTomorrow")
    for name, reason in REFUSED.items():
        assert may_be_tried(name) == (reason == "is not supported yet"), name


def test_it_is_trained_whole_and_the_stock_loader_reads_the_file(unknown, tmp_path, monkeypatch):
    """The run's own check of the file (in `trainer`) compares every layer; layers are those of the known family."""
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    run = whole_run.trainer(unknown, tmp_path, monkeypatch)
    how = {"train_unknown_model": True, "gradient_checkpointing": "all", "save_every_n_epochs": 0}
    events, path = run("unknown", validation={"probe_samples": 0}, **how)
    said = "\n".join(whole_run.warnings(events))
    assert "MODEL is of type SD3, which Athanor does not know: it is trained as its sampling says (flow)" in said
    assert "What looks like its transformer blocks: JointBlock;" in said and "Nobody has tested" in said
    trained = {key.partition(".")[0] for key in whole_run.tensors(path)}
    monkeypatch.undo()
    known = build.create([build.Part(unknown[0].model.diffusion_model)], NetworkSettings(rank=4), 0)
    assert trained == {lora.lora_name for lora in known.loras}


class InPlace(torch.nn.Module):
    """A block that adds to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn, self.mlp = torch.nn.Sequential(torch.nn.Linear(8, 8)), torch.nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> torch.Tensor:
        scale += 1
        x += self.mlp(self.self_attn(x * 1)) * scale
        return x


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Linear(4, 8)
        self.stages = torch.nn.ModuleList(
            [torch.nn.ModuleList([InPlace(), InPlace()]), torch.nn.ModuleList([InPlace()])]
        )
        self.final = torch.nn.ModuleList([torch.nn.Linear(8, 8), torch.nn.Linear(8, 4)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        for block in [block for stage in self.stages for block in stage.children()]:
            x = block(x, scale=torch.ones(8))
        return self.final[1](self.final[0](x))


def test_guessed_blocks_are_run_on_copies_when_they_are_computed_again():
    """They may write into their inputs, by whatever name these are given."""
    from athanor.training_core.families import guess
    from athanor.training_core.host import patches

    torch.manual_seed(0)
    model, x = Model(), torch.randn(3, 4)
    layers = guess.layers_of(model)
    assert [path.rpartition(".")[2] for path in layers.blocks] == ["InPlace"]
    gradients = []
    for how in ("off", "all"):
        model.zero_grad()
        with patches.checkpointed(model, how):
            model(x).square().mean().backward()
        gradients.append([gradient(p) for p in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


def test_a_model_without_repeated_blocks_is_trained_whole():
    from athanor.training_core.families import guess
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Sequential(torch.nn.Linear(8, 8)))
    layers = guess.layers_of(model)
    assert layers.blocks == () and layers.targets
    made = build.create([build.Part(model)], NetworkSettings(rank=2), 0)
    assert {lora.lora_name for lora in made.loras} == {"lora_unet_0", "lora_unet_1_0"}
