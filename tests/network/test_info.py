"""LoRA files of all trainers are read, and their settings recovered."""

import json
from pathlib import Path

import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.network import chart, describe, info, recover, weights
from athanor.training_core.settings import (
    BucketSettings,
    Job,
    LossSettings,
    NetworkSettings,
    NoiseSettings,
    OptimizerSettings,
    TrainingSettings,
)
from safetensors.torch import save_file


def write(path: Path, tensors: dict, **metadata: str) -> Path:
    save_file({k: v.clone() for k, v in tensors.items()}, path, metadata or None)
    return path


def lora(name: str, rank=4, kohya=True, alpha=2.0) -> dict:
    generator = torch.Generator().manual_seed(len(name))
    up, down = torch.randn(8, rank, generator=generator), torch.randn(rank, 6, generator=generator)
    if kohya:
        return {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down, f"{name}.alpha": torch.tensor(alpha)}
    return {f"{name}.lora_B.weight": up, f"{name}.lora_A.weight": down}


def test_norms_and_ranks(tmp_path: Path):
    parts = lora("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k")
    found = info.read(write(tmp_path / "a.safetensors", parts))
    (layer,) = found.layers
    name = layer.name
    delta = parts[f"{name}.lora_up.weight"] @ parts[f"{name}.lora_down.weight"] * 2 / 4
    assert (layer.rank, layer.alpha, layer.algo, layer.part, layer.block) == (4, 2.0, "lora", "unet", "input_blocks_4")
    assert layer.norm == pytest.approx(delta.norm().item(), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q", ("unet", "down_blocks_0")),
        ("lora_unet_mid_block_attentions_0_proj_in", ("unet", "mid_block")),
        ("lora_unet_double_blocks_11_img_attn_qkv", ("unet", "double_blocks_11")),
        ("transformer.single_transformer_blocks.3.attn.to_q", ("unet", "single_transformer_blocks_3")),
        ("diffusion_model.layers.7.attention.qkv", ("unet", "layers_7")),
        ("base_model.model.transformer_blocks.3.attn.to_q", ("unet", "transformer_blocks_3")),
        ("lora_transformer_single_transformer_blocks_3_attn_to_q", ("unet", "single_transformer_blocks_3")),
        ("unet.up_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_q", ("unet", "up_blocks_1")),
        ("text_encoder.text_model.encoder.layers.3.mlp.fc1", ("te1", "layers_3")),
        ("text_encoder_2.text_model.encoder.layers.30.mlp.fc1", ("te2", "layers_30")),
        ("lora_te_text_model_encoder_layers_3_mlp_fc1", ("te1", "layers_3")),
        ("lora_te2_text_model_encoder_layers_30_mlp_fc1", ("te2", "layers_30")),
        ("lora_unet_x_embedder_proj", ("unet", "x")),
    ],
)
def test_places(name, want):
    assert info.place(name) == want


def test_every_algorithm_is_told(tmp_path: Path):
    ones = torch.ones(4, 4)
    kinds = {
        "lora": lora("lora_unet_a"),
        "dora lora": lora("lora_unet_b") | {"lora_unet_b.dora_scale": torch.ones(8, 1)},
        "loha": {f"lora_unet_c.hada_{k}": ones for k in ("w1_a", "w1_b", "w2_a", "w2_b")},
        "lokr": {"lora_unet_d.lokr_w1": ones, "lora_unet_d.lokr_w2_a": ones, "lora_unet_d.lokr_w2_b": ones},
        "glora": {f"lora_unet_e.{k}.weight": ones for k in ("a1", "a2", "b1", "b2")},
        "oft": {"lora_unet_f.oft_blocks": torch.ones(2, 4, 4)},
        "full": {"lora_unet_g.diff": ones, "lora_unet_g.diff_b": torch.ones(4)},
        "norm": {"lora_unet_h.w_norm": torch.ones(4)},
    }
    path = write(tmp_path / "all.safetensors", {k: v for part in kinds.values() for k, v in part.items()})
    found = info.read(path)
    assert {layer.algo for layer in found.layers} == set(kinds)
    assert sum(layer.numbers for layer in found.layers) == sum(v.numel() for p in kinds.values() for v in p.values())
    image = chart.norms(found)
    assert image.width == 900 and image.height > 64
    peft = info.read(write(tmp_path / "peft.safetensors", lora("transformer.blocks.0.attn", kohya=False)))
    assert peft.layers[0].rank == 4 and peft.layers[0].alpha is None and peft.layers[0].norm > 0


def test_a_file_of_peft(tmp_path: Path):
    """Its alphas are in the metadata, by patterns; norms count with them, and settings come from there."""
    names = [f"transformer.transformer_blocks.0.attn.to_{x}" for x in "qkv"]
    te = "text_encoder.text_model.encoder.layers.0.mlp.fc1"
    parts = {k: v for name in (*names, te) for k, v in lora(name, kohya=False).items()}
    parts[f"{names[2]}.lora_magnitude_vector"] = torch.ones(8)
    adapter = {"r": 4, "lora_alpha": 8, "alpha_pattern": {"attn.to_q": 2}, "use_rslora": False, "lora_dropout": 0.1}
    adapter = {f"transformer.{k}": v for k, v in adapter.items()} | {
        "text_encoder.lora_alpha": 1,
        "text_encoder.use_rslora": True,
    }
    path = write(tmp_path / "p.safetensors", parts, lora_adapter_metadata=json.dumps(adapter))
    found = {layer.name: layer for layer in info.read(path).layers}
    assert [found[n].alpha for n in (*names, te)] == [2.0, 8.0, 8.0, 2.0] and {f.rank for f in found.values()} == {4}
    assert [found[n].algo for n in names] == ["lora", "lora", "dora lora"]
    for name, scale in zip((*names[:2], te), (0.5, 2.0, 0.5), strict=True):
        delta = parts[f"{name}.lora_B.weight"] @ parts[f"{name}.lora_A.weight"] * scale
        assert found[name].norm == pytest.approx(delta.norm().item(), rel=1e-4)
    text = describe.summary(info.read(path), recover.recover({}))
    assert "what it tells" not in text
    assert (
        "ComfyUI's Load LoRA ignores: there 2 of 4 layers are 2 times as strong as trained, which a strength of 0.5"
        in text
    )
    assert "lora_magnitude_vector) of 1 layers" in text
    told = recover.recover(info.read(path).metadata)
    network = told.groups[NetworkSettings]
    assert (network.rank, network.alpha, network.dropout, network.rs_lora) == (4, 8.0, 0.1, False)
    assert "ss_network_dim" not in told.missing and "ss_unet_lr" in told.missing
    old = {"unet.mid_block.attn1.processor.to_q_lora.up.weight": torch.ones(8, 2)}
    old |= {"unet.mid_block.attn1.processor.to_q_lora.down.weight": torch.ones(2, 6)}
    (layer,) = info.read(write(tmp_path / "old.safetensors", old)).layers
    assert (layer.algo, layer.rank, layer.block) == ("lora", 2, "mid_block")


def test_what_is_no_lora_is_said(tmp_path: Path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(AthanorError, match=r"x\.safetensors cannot be read as safetensors"):
        info.read(tmp_path / "x.safetensors")
    with pytest.raises(
        AthanorError, match=r"^network_weights: x\.safetensors cannot be read .*; choose another file\.$"
    ):
        weights.load(tmp_path / "x.safetensors")
    with pytest.raises(AthanorError, match="contains no LoRA: none of its 1 tensors"):
        info.read(write(tmp_path / "y.safetensors", {"model.weight": torch.zeros(2)}))


def test_settings_of_another_trainer():
    """The fields from which the author of recipe D recovered what two services had trained with."""
    found = recover.recover(
        {
            "ss_network_dim": "256", "ss_network_alpha": "1", "ss_optimizer": "bitsandbytes.optim.adamw.AdamW8bit("
            "weight_decay=0.1,betas=(0.9, 0.99))", "ss_unet_lr": "0.0005", "ss_lr_scheduler": "cosine_with_restarts",
            "ss_min_snr_gamma": "5.0", "ss_noise_offset": "None", "ss_resolution": "(1024, 1024)", "ss_num_epochs": "16",
            "ss_max_bucket_reso": "2048", "ss_batch_size_per_device": "4", "ss_network_args": json.dumps({"conv_dim": "32",
            "conv_alpha": "1", "algo": "lokr", "factor": "8", "mid_lr_weight": "0.5,1,1"}), "ss_text_encoder_lr": "[5e-05, 1e-05]",
            "ss_seed": "1337", "ss_loss_type": "l2",
        },
        ["unet", "te1", "te2"],
    )  # fmt: skip
    network, optimizer = found.groups[NetworkSettings], found.groups[OptimizerSettings]
    assert (network.rank, network.alpha, network.conv_rank, network.algo, network.factor) == (256, 1, 32, "lokr", 8)
    assert (optimizer.optimizer_type, optimizer.optimizer_args) == ("AdamW8bit", "weight_decay=0.1 betas=0.9,0.99")
    assert network.train == "unet + text encoder" and network.blocks.mid_lr_weight == "0.5,1,1"
    assert optimizer.text_encoder_rates() == [5e-5, 1e-5]
    assert optimizer.learning_rate == 5e-4 and optimizer.lr_scheduler == "cosine_with_restarts"
    assert found.groups[LossSettings].min_snr_gamma == 5 and found.groups[NoiseSettings].noise_offset == 0
    assert found.groups[BucketSettings].width == 1024 and found.groups[BucketSettings].batch_size == 4
    assert found.groups[TrainingSettings].epochs == 16 and found.groups[TrainingSettings].seed == 1337
    assert "ss_huber_c" in found.missing and "ss_noise_offset" not in found.missing


def test_what_cannot_be_had_is_said():
    found = recover.recover({"ss_optimizer": "some.Weird", "ss_loss_type": "cubic", "ss_network_dim": "8"})
    assert found.refused == ("loss_type = cubic",) and found.groups[NetworkSettings].rank == 8
    assert found.groups[OptimizerSettings].optimizer_class == "some.Weird"


def test_our_own_files_give_the_whole_job():
    job = Job(
        datasets=(),
        buckets=BucketSettings(width=768, height=768),
        network=NetworkSettings(algo="loha", rank=7),
        noise=NoiseSettings(timestep_sampling="sigmoid"),
        dataset_fingerprint="d",
        model_fingerprint="m",
    )
    found = recover.recover({"athanor_job": json.dumps(job.model_dump())})
    assert not found.missing and not found.refused
    assert (found.groups[NetworkSettings], found.groups[NoiseSettings]) == (job.network, job.noise)
    assert found.groups[BucketSettings] == job.buckets and not found.otherwise
    assert recover.words(found.groups[NetworkSettings]) == "algo loha, rank 7"
    changes = {"noise": {"timestep_sampling": "shift", "flow_shift": 2.5}, "network.blocks": {"reg_dims": "a=1"}}
    found = recover.recover({"athanor_job": json.dumps(job.model_dump()), "athanor_trained": json.dumps(changes)})
    assert found.groups[NoiseSettings] == NoiseSettings(timestep_sampling="shift", flow_shift=2.5)
    assert found.groups[NetworkSettings].blocks.reg_dims == "a=1"
    assert found.otherwise[0] == "timestep_sampling shift (asked for: sigmoid)"


@pytest.mark.parametrize("broken", ["{", "[]", "3", '{"network": {"rank": "many"}}'])
def test_broken_metadata_does_no_harm(broken):
    fields = ("athanor_job", "athanor_trained", "ss_network_args", "ss_resolution", "ss_optimizer", "ss_unet_lr")
    recover.recover(dict.fromkeys(fields, broken))
    recover.recover(
        {"athanor_job": '{"network": {"blocks": 4}}', "athanor_trained": '{"network.blocks": {"reg_dims": "a"}}'}
    )
    info.fields({"a": broken})


def test_what_a_file_tells_besides_is_listed(tmp_path: Path):
    told = {"prompt": '{"1": {"class_type": "X", "inputs": {"folder": "/home/jane/pics"}}}', "modelspec.author": "Jane"}
    lines = describe.summary(
        info.read(write(tmp_path / "a.safetensors", lora("lora_unet_mid_block"), **told)), recover.recover({})
    )
    assert "\nblocks: MID\n" in lines
    end = lines.partition("to whoever has the file:\n")[2].splitlines()
    assert end == [
        "paths: /home/jane/pics (prompt)", "graph: 1 node: X", "folders: /home/jane/pics", "author: modelspec.author: Jane"
    ]  # fmt: skip


def test_nothing_empty_is_listed(tmp_path: Path):
    """A file without metadata, and one layer without a rank: no line says that there is nothing."""
    bare = info.read(write(tmp_path / "bare.safetensors", {"lora_unet_h.w_norm": torch.ones(4)}))
    assert describe.summary(bare, recover.recover({})).splitlines() == [
        "bare.safetensors: norm, 0.09 KB, float32",
        "unet: 1 layers, 4 numbers",
        "",
        "not in the file: any setting of its training; the metadata was taken out, or never there",
    ]
    some = info.read(write(tmp_path / "some.safetensors", lora("lora_unet_a"), ss_learning_rate="0.0003", ss_seed="0"))
    text = describe.summary(some, recover.recover(some.metadata))
    assert "Optimizer: learning_rate 0.0003" in text and "defaults:" in text
    assert not [word for word in ("unknown", "Loss", "all defaults", ": \n", "rank -") if word in text]
    assert "not in the file: ss_network_alpha" in text and " more" in text
