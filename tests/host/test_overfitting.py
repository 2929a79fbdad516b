"""A run that learns ten pictures by heart on purpose: the copy warning comes at the epochs where a person sees copies, and not before."""

from __future__ import annotations

from pathlib import Path

import assemble
import gardens
import graphs
import prepare
import pytest
import torch
from athanor.training_core.history import scores
from safetensors.torch import load_file, save_file

pytestmark = pytest.mark.long

SIZE = {"width": 128, "height": 128, "steps": 20, "cfg": 2.5, "seeds": "1, 2, 3, 4", "strengths": "1"}
PROMPTS = "zorb garden\nzorb garden at night"


def overfitting() -> dict:
    """640 epochs on ten scenes, drawn every 160; ten other scenes are held out."""
    prompt = graphs.training(
        "sd3",
        folder="by_heart",
        buckets={"width": 128, "height": 128, "max_bucket_reso": 256, "batch_size": 5},
        network={"rank": 32, "alpha": 32.0},
        optimizer={
            "learning_rate": 0.002,
            "optimizer_args": "weight_decay=0.01 betas=0.9,0.99",
            "lr_scheduler": "constant",
        },
        train={"epochs": 640, "save_every_n_epochs": 160, "output_name": "ten_by_heart"},
    )
    prompt["ckpt"]["inputs"]["ckpt_name"] = assemble.NAME
    buckets = {"width": 128, "height": 128, "min_bucket_reso": 64, "max_bucket_reso": 256, "batch_size": 2}
    prompt |= {
        "others": graphs.node("AthanorDatasetLoader", folder="others"),
        "held": graphs.node("AthanorBucketer", dataset=["others", 0], **buckets),
        "validation": graphs.node("AthanorValidationConfig", buckets=["held", 0], **graphs.SMALL_PROBE),
        "like": graphs.node("AthanorLikeness", dataset=["dataset", 0], validation=["validation", 0]),
    }
    return prompt | graphs.compare("ckpt", ["train", 0], prompts=PROMPTS, likeness=["like", 0], **SIZE)


def random_lora(trained: Path) -> str:
    """A LoRA with numbers as large as the trained one's, and nothing learned; its name."""
    generator = torch.Generator().manual_seed(5)
    drawn = {
        key: torch.randn(value.shape, generator=generator) * value.float().std() if value.ndim > 1 else value
        for key, value in load_file(trained).items()
    }
    save_file(drawn, trained.with_name("random_numbers.safetensors"))
    return "random_numbers.safetensors"


def beyond(row) -> float:
    """How much more alike a checkpoint is to what it has learned than to what it has not."""
    return row.values["likeness"].mean - row.values["held_out"].mean


def test_copies_are_told_when_they_come(server):
    """Ten minutes of two idle cores, forty of busy ones. The pictures of this run were looked at, every 80 epochs: up to epoch 320
    blots in the dataset's colours, at 400 the first two that a person knows again (the red face in the sky, the ground and what stands
    on it), from there on one or two of eight; these have the warning, and no others. What is half a copy lies just under the limit,
    and has none.
    """
    prepare.prepare(server.base)
    for folder, seed in (("by_heart", 11), ("others", 12)):
        gardens.write(server.base / "input" / folder, 10, seed=seed, caption="zorb garden", size=128)
    prompt = overfitting()
    entry = server.run(prompt, seconds=3000)
    found = scores.of_comparison(graphs.folder(server, entry))
    assert found is not None and found.scorer.copy_threshold is not None
    rows, told = found.checkpoints, [(row.labels, row.copies, row.values) for row in found.checkpoints]
    assert [row.copies for row in rows[:3]] == [0, 0, 0] and sum(row.copies for row in rows[3:]) >= 1, told
    assert "look like copies" in found.verdict and "Most like them without copies" in found.verdict, found.verdict
    assert beyond(rows[-1]) > beyond(rows[0]) + 0.02 and len(rows) == 5, told
    # A LoRA that has learned nothing draws nothing like the dataset.
    prompt |= {
        "x": graphs.node("AthanorXYZAxis", type="LoRA", values=random_lora(graphs.lora_file(server, "ten_by_heart")))
    }
    prompt["compare"]["inputs"] |= {"x": ["x", 0]}
    del prompt["compare"]["inputs"]["run"], prompt["train"], prompt["curve"]
    random = scores.of_comparison(graphs.folder(server, server.run(prompt)))
    assert random is not None and len(random.checkpoints) == 1
    highest = random.checkpoints[0].values["likeness"].mean
    assert highest < min(row.values["likeness"].mean for row in rows[1:]) - 0.05, (highest, told)
