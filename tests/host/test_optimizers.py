"""Published optimizer settings, each through the real host at tiny size: they start, run, and tell what they should."""

import graphs
import numpy as np
import pytest
import runs_on_disk
from safetensors.numpy import load_file

RECIPES = {
    "a_lion": {
        "optimizer_type": "Lion8bit", "optimizer_args": "weight_decay=0.05 betas=0.9,0.95", "learning_rate": 1e-4,
        "lr_scheduler": "constant_with_warmup", "lr_warmup_steps": "100",
    },
    "b_dap": {"optimizer_type": "DAdaptAdamPreprint", "learning_rate": 1.0},
    "b_prodigy": {"optimizer_type": "Prodigy", "learning_rate": 1.0},
    "c_adamw8bit": {"optimizer_type": "AdamW8bit", "lr_scheduler": "cosine_with_restarts"},
    "d1_prodigy": {
        "optimizer_type": "Prodigy", "unet_lr": "1", "text_encoder_lr": "1", "lr_scheduler": "cosine_with_restarts",
        "lr_scheduler_num_cycles": 3,
    },
    "d3_dap": {
        "optimizer_type": "DAdaptAdamPreprint", "learning_rate": 1.0, "lr_warmup_steps": "10%",
        "optimizer_args": "decouple=True weight_decay=0.2 betas=0.9,0.99 growth_rate=1.02",
        "lr_scheduler": "cosine_with_restarts",
    },
    "guide": {"optimizer_type": "Lion", "unet_lr": "1e-4", "lr_scheduler": "cosine", "lr_warmup_steps": "0.05"},
    "free": {"optimizer_type": "AdamWScheduleFree", "learning_rate": 1e-2},
    "adafactor": {"optimizer_type": "Adafactor"},
    "own_class": {"optimizer_class": "torch.optim.Adamax", "learning_rate": 1e-3},
}  # fmt: skip


@pytest.mark.parametrize(  # on SD1.5, with what they say of min_snr_gamma: test_recipes.py has v53 and v61
    "name", [pytest.param(name, marks=[pytest.mark.long] * name.startswith("b_")) for name in RECIPES]
)
def test_recipe(server, name):
    train = {"output_name": name, "max_train_steps": 10, "epochs": 9}
    loss = {"min_snr_gamma": 5.0} if name.startswith("b_") else {}
    family = "sd15" if loss else "sd3"
    parts = {"loss": loss, "train": train, "validation": graphs.SMALL_PROBE}
    server.run(graphs.training(family, optimizer=RECIPES[name], **parts))
    steps = runs_on_disk.steps(server.base, name)
    warned = " ".join(event["text"] for event in runs_on_disk.events(server.base, name, "warned"))
    assert len(steps) == 10 and all(np.isfinite(step["loss"]) for step in steps)
    assert ("finds the learning rate itself" in warned) is False and "supports only one learning rate" not in warned
    assert ("min_snr_gamma together with" in warned) == (name == "b_dap")
    assert ("the full learning rate is never reached" in warned) == (name == "a_lion")
    lrs = [step["lr"] for step in steps]
    if name == "a_lion":
        assert lrs == pytest.approx([1e-4 * n / 100 for n in range(10)])
    if name == "d1_prodigy":
        assert lrs[:4] == pytest.approx([1, 0.793893, 0.345492, 0.024472], abs=1e-6)
    if "prodigy" in name or "dap" in name:
        assert all(step["d_lr"] is not None and step["d_lr"] <= 0.1 for step in steps)
    else:
        assert all(step["d_lr"] is None for step in steps)
    label = graphs.metadata(graphs.lora_file(server, name))["ss_optimizer"]
    assert label.partition("(")[0].rpartition(".")[2] in (*RECIPES[name].values(), "Adamax")


def test_the_probe_leaves_a_schedule_free_run_as_it_is_and_the_mean_is_saved(server):
    """Probe every step or at the end only, save or not: the same LoRA to the bit."""
    optimizer = RECIPES["free"] | {"ema_decay": 0.9}
    hashes = []
    for every, epochs in ((1, 1), (100, 0)):
        train = {"output_name": "schedule_free", "max_train_steps": 8, "epochs": 9, "save_every_n_epochs": epochs}
        server.run(
            graphs.training("sd3", optimizer=optimizer, train=train, validation={"validate_every_n_steps": every})
        )
        file = max(
            graphs.lora_file(server, "schedule_free").parent.glob("schedule_free*[!0-9].safetensors"),
            key=lambda p: p.stat().st_mtime_ns,
        )
        hashes.append(graphs.metadata(file.with_stem(file.stem.removesuffix("-ema")))["sshs_model_hash"])
        mean, plain = load_file(file), load_file(file.with_stem(file.stem.removesuffix("-ema")))
        assert file.stem.endswith("-ema") and mean.keys() == plain.keys()
        assert any(not np.array_equal(mean[key], plain[key]) for key in mean)
    assert hashes[0] == hashes[1]


def test_the_plot(server):
    """A picture, the numbers, and what fights."""
    prompt = {
        "optimizer": graphs.node("AthanorOptimizerConfig", lr_scheduler="cosine", lr_warmup_steps="10%", unet_lr="2e-4",
                                 text_encoder_lr="5e-5", lr_scheduler_num_cycles=2),
        "plot": graphs.node("AthanorLRPlot", optimizer=["optimizer", 0], steps=200),
        "picture": graphs.node("PreviewImage", images=["plot", 0]),
        "text": graphs.node("PreviewAny", source=["plot", 1]),
    }  # fmt: skip
    entry = server.run(prompt)
    picture = graphs.saved(server, entry, "picture")
    assert picture.shape == (400, 960, 3) and len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    text = entry["outputs"]["text"]["text"][0]
    assert "AdamW: cosine, 200 steps" in text and "text encoders 1, 2, 3" in text
    assert "lr_scheduler_num_cycles has no effect with lr_scheduler cosine" in text
