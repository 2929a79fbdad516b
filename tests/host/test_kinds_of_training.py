"""Text encoders and whole models, trained over the real graph and used by stock nodes."""

import json

import comparing
import graphs
import numpy as np
import pytest
import tiny
from safetensors.torch import load_file

FEW = {"validation": graphs.SMALL_PROBE}


@pytest.mark.parametrize(
    ("family", "prefixes"), [("sd15", {"lora_te"}), pytest.param("sd3", {"lora_te1"}, marks=pytest.mark.long)]
)
def test_text_encoder_and_unet(server, family, prefixes):
    """The file has both parts, the stock nodes use both, and the graph's CLIP draws the same picture as before."""
    name = f"te_{family}"
    network = {"rank": 2, "train": "unet + text encoder", "preset": "full", "conv_rank": 2, "conv_alpha": 1.0}
    prompt = graphs.training(family, network=network, train={"output_name": name, "max_train_steps": 2}, **FEW)
    base = graphs.plain("ckpt", "red circle", None, name="b")
    before = server.run({"ckpt": prompt["ckpt"]} | base)
    prompt |= graphs.plain("ckpt", "red circle", None, name="q")
    prompt["qsample"]["inputs"]["model"] = ["train", 2]
    for which in ("qpos", "qneg"):
        prompt[which]["inputs"]["clip"] = ["train", 5]
    entry = server.run(prompt)
    keys = graphs.keys(graphs.lora_file(server, name))
    text = {key for key in keys if key.startswith("lora_te")}
    assert {key.partition("_text_model")[0] for key in text} == prefixes
    assert len(text) == tiny.CLIP_LAYERS * 6 * 3 and any(key.startswith("lora_unet") for key in keys)
    assert any("_resnets_0_conv1." in key for key in keys) == (family == "sd15")
    stock = {"ckpt": prompt["ckpt"]} | graphs.plain("ckpt", "red circle", f"{name}.safetensors") | base
    after = server.run(stock)
    assert np.array_equal(graphs.saved(server, entry, "qsave"), graphs.saved(server, after, "psave"))
    assert np.array_equal(graphs.saved(server, before, "bsave"), graphs.saved(server, after, "bsave"))
    assert not np.array_equal(graphs.saved(server, after, "psave"), graphs.saved(server, after, "bsave"))
    assert any(
        v.abs().max() > 0 for k, v in load_file(graphs.lora_file(server, name)).items() if "te" in k and "up" in k
    )


def test_only_the_text_encoder(server):
    network = {"rank": 2, "train": "text encoder"}
    server.run(graphs.training("sd15", network=network, train={"output_name": "te_only", "max_train_steps": 1}, **FEW))
    assert all(key.startswith("lora_te_") for key in graphs.keys(graphs.lora_file(server, "te_only")))


def test_same_seed_same_bytes_with_text_encoder_and_dropout(server):
    network = {"rank": 2, "train": "unet + text encoder", "dropout": 0.2}

    def run(name):
        accumulation = {"gradient_accumulation_steps": 2, "seed": 3, "max_train_steps": 1}
        server.run(graphs.training("sd3", network=network, train={"output_name": name} | accumulation, **FEW))
        return graphs.metadata(graphs.lora_file(server, name))["sshs_model_hash"]

    assert run("te_a") == run("te_b")


def test_network_config_lists_text_encoders(server):
    prompt = graphs.training("sd3", network={"rank": 2, "train": "unet + text encoder"})
    keep = {key: prompt[key] for key in ("ckpt", "network")}
    keep["network"]["inputs"] |= {"model": ["ckpt", 0], "clip": ["ckpt", 1]}
    keep["show"] = graphs.node("PreviewAny", source=["network", 1])
    text = server.run(keep)["outputs"]["show"]["text"][0]
    assert "te1 text_model.encoder.layers.0" in text and "joint_blocks.0" in text


@pytest.mark.parametrize("family", ["sd15", pytest.param("sd3", marks=pytest.mark.long)])
def test_a_fine_tune_is_a_checkpoint_that_the_stock_loader_opens(server, family):
    """Recipe C's kind of training: the file opens in Load Checkpoint and draws what Train LoRA's model output draws."""
    name = f"tuned_{family}"
    train = {"output_name": name, "max_train_steps": 1, "save_precision": "float"}
    optimizer = {"learning_rate": 1e-4}
    prompt = graphs.training(family, network={"algo": "finetune"}, train=train, optimizer=optimizer, **FEW)
    prompt |= graphs.compare("ckpt", ["train", 0], prompts="red circle", strengths="1, 0.5", seeds="7")
    prompt |= graphs.plain("ckpt", "red circle", None, name="q", seed=7)
    prompt["qsample"]["inputs"]["model"] = ["train", 2]
    entry = server.run(prompt)
    path = server.base / "models" / "checkpoints" / f"{name}.safetensors"
    base = load_file(server.base / "models" / "checkpoints" / f"{family}.safetensors")
    tuned = load_file(path)
    unet = [key for key in base if key.startswith("model.diffusion_model.")]
    assert set(unet) <= set(tuned) and sum(not (tuned[k] == base[k].float()).all() for k in unet) > 0.9 * len(unet)
    told = graphs.metadata(path)
    assert (
        "/lora" not in told["modelspec.architecture"]
        and json.loads(told["athanor_job"])["network"]["algo"] == "finetune"
    )
    assert not graphs.lora_file(server, name).exists()
    stock = {"ckpt": prompt["ckpt"], "own": graphs.node("CheckpointLoaderSimple", ckpt_name=f"{name}.safetensors")}
    stock |= graphs.plain("own", "red circle", None, seed=7) | graphs.plain(
        "ckpt", "red circle", None, seed=7, name="b"
    )
    if family == "sd3":  # its checkpoints have no text encoders
        for which in ("ppos", "pneg"):
            stock[which]["inputs"]["clip"] = ["ckpt", 1]
    after = server.run(stock)
    assert np.array_equal(graphs.saved(server, entry, "qsave"), graphs.saved(server, after, "psave"))
    assert not np.array_equal(graphs.saved(server, after, "bsave"), graphs.saved(server, after, "psave"))
    cells = graphs.cells(graphs.folder(server, entry))
    assert len(cells) == 1 + 2  # of several epochs: test_card_server.py
    comparing.assert_plain(server, cells)
