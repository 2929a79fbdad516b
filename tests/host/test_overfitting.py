"""A run that learns ten pictures by heart on purpose: the copy warning comes when a person sees the copies, and not before."""

from __future__ import annotations

import assemble
import gardens
import graphs
import prepare
import pytest
from athanor.training_core.history import scores

pytestmark = pytest.mark.long


def test_copies_are_told_when_they_come(server):
    """Minutes of training. On ten other scenes of this kind, with these settings, the pictures were looked at: up to epoch 160 blots in
    the dataset's colours and no warning, from 240 on single copies, at 640 and 720 most pictures, 3 of 4 with a warning.
    """
    prepare.prepare(server.base)
    gardens.write(server.base / "input" / "by_heart", 10, seed=11, caption="zorb garden", size=128)
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
    size = {"width": 128, "height": 128, "steps": 20, "cfg": 2.5, "seeds": "1, 2, 3, 4", "strengths": "1"}
    prompt |= graphs.compare("ckpt", ["train", 0], prompts="zorb garden", likeness=["like", 0], **size)
    prompt["like"] = graphs.node("AthanorLikeness", dataset=["dataset", 0])
    entry = server.run(prompt, seconds=3000)
    found = scores.of_comparison(graphs.folder(server, entry))
    assert found is not None and found.scorer.copy_threshold is not None
    told = {row.labels[0]: (row.copies, row.values["likeness"].mean) for row in found.checkpoints}
    first, *_, last = found.checkpoints
    assert len(told) == 5 and first.copies == found.checkpoints[1].copies == 0, told
    assert sum(row.copies for row in found.checkpoints[3:]) >= 1, told
    assert last.values["likeness"].mean > first.values["likeness"].mean + 0.05, told
