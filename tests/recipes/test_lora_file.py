"""LoRA files as recipes: the header of a safetensors file, and its metadata as people post it."""

import json

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read

D1 = {
    "ss_network_module": "networks.lora", "ss_network_dim": "64", "ss_network_alpha": "1",
    "ss_network_args": '{"conv_dim": "32", "conv_alpha": "1"}', "ss_unet_lr": "1.0", "ss_text_encoder_lr": "1.0",
    "ss_learning_rate": "1.0", "ss_optimizer": "prodigyopt.prodigy.Prodigy", "ss_lr_scheduler": "cosine_with_restarts",
    "ss_lr_warmup_steps": "0", "ss_noise_offset": "0.1", "ss_multires_noise_iterations": "6", "ss_multires_noise_discount": "0.3",
    "ss_min_snr_gamma": "None", "ss_num_epochs": "10", "ss_max_train_steps": "12000", "ss_num_batches_per_epoch": "1200",
    "ss_gradient_accumulation_steps": "1", "ss_batch_size_per_device": "1", "ss_total_batch_size": "1",
    "ss_resolution": "(2048, 2048)", "ss_max_bucket_reso": "4096", "ss_enable_bucket": "True", "ss_shuffle_caption": "True",
    "ss_keep_tokens": "0", "ss_sd_model_name": "juggernautXL_v9.safetensors", "ss_base_model_version": "sdxl_base_v1-0",
    "ss_dataset_dirs": '{"8_photo": {"n_repeats": 8, "img_count": 150}}', "ss_reg_dataset_dirs": "{}",
}  # fmt: skip
"""What the file of recipe D1 says (shared recipes, D): the settings that its author recovered from there."""


def safetensors(metadata, shapes=None, pad=0):
    tensors = {name: {"dtype": "F16", "shape": shape, "data_offsets": [0, 0]} for name, shape in (shapes or {}).items()}
    header = json.dumps({**({"__metadata__": metadata} if metadata is not None else {}), **tensors}).encode()
    return len(header).to_bytes(8, "little") + header + b"\xff" * pad


def of(data, name="x.safetensors"):
    return read([Document(name=name, data=data if isinstance(data, bytes) else data.encode())])


def line(reading, name):
    return next(line for line in reading.lines if line.name == name)


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("LoRA file", safetensors(D1, pad=500)),
        ("metadata of a LoRA file", json.dumps(D1)),
        ("metadata of a LoRA file", "\n".join(f"{key}: {value}" for key, value in D1.items())),
        (
            "metadata of a LoRA file",
            json.dumps({"__metadata__": {**D1, "ss_dataset_dirs": json.loads(D1["ss_dataset_dirs"])}}),
        ),
    ],
)
def test_the_hidden_settings_of_d1_are_recovered_from_its_file(form, data):
    reading = of(data, "")
    recipe = reading.recipe
    assert reading.form == form
    assert recipe.model.family == "SDXL" and recipe.model.files == {"checkpoint": "juggernautXL_v9.safetensors"}
    network, optimizer, noise = recipe.group("network"), recipe.group("optimizer"), recipe.group("noise")
    assert (network.rank, network.alpha, network.conv_rank, network.conv_alpha) == (64, 1.0, 32, 1.0)
    assert network.train == "unet + text encoder"
    assert (optimizer.optimizer_type, optimizer.learning_rate) == ("Prodigy", 1.0)
    assert optimizer.lr_scheduler == "cosine_with_restarts"
    assert (noise.noise_offset, noise.multires_noise_iterations, noise.multires_noise_discount) == (0.1, 6, 0.3)
    assert recipe.group("buckets").width == recipe.group("buckets").height == 2048
    (dataset,) = recipe.datasets
    assert dataset["repeats"] == 8 and dataset["folder"] == "8_photo" and dataset["class_tokens"] == "photo"
    assert dataset["shuffle_caption"] is True
    assert recipe.group("training").epochs == 10 and recipe.group("training").max_train_steps == 0
    assert line(reading, "lr_scheduler_num_cycles").kind == "unknown", "the file does not tell the cycles, and says so"


def test_the_second_of_the_recovered_recipes_has_its_optimizer_with_arguments():
    reading = of(
        safetensors({
            "ss_network_module": "networks.lora", "ss_network_dim": "256", "ss_network_alpha": "1", "ss_unet_lr": "0.0005",
            "ss_text_encoder_lr": "5e-05", "ss_learning_rate": "0.0005", "ss_min_snr_gamma": "5.0",
            "ss_optimizer": "bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.1)", "ss_flip_aug": "True",
            "ss_caption_tag_dropout_rate": "0.0", "ss_batch_size_per_device": "4", "ss_total_batch_size": "8",
        })
    )  # fmt: skip
    optimizer = reading.recipe.group("optimizer")
    assert (optimizer.optimizer_type, optimizer.optimizer_args) == ("AdamW8bit", "weight_decay=0.1")
    assert (optimizer.learning_rate, optimizer.unet_lr, optimizer.text_encoder_lr) == (5e-4, "", "5e-05")
    assert reading.recipe.group("training").gradient_accumulation_steps == 2, "8 in all were two cards with 4"


def test_every_field_has_a_line():
    extra = {"ss_session_id": "1", "ss_of_tomorrow": "x", "sshs_model_hash": "ab", "modelspec.author": "somebody"}
    reading = of(safetensors(D1 | extra))
    names = " ".join(line.name for line in reading.lines)
    assert not [key for key in D1 | extra if key not in names and key != "ss_reg_dataset_dirs"]
    assert line(reading, "ss_of_tomorrow").kind == "unknown"
    assert line(reading, "modelspec.author").kind == "meaningless", "another's name is not written into your files"


def test_the_layers_tell_what_no_field_does():
    shapes = {
        "lora_unet_mid_block_attn_to_q.lora_down.weight": [12, 320],
        "lora_unet_mid_block_attn_to_q.lora_up.weight": [320, 12],
        "lora_unet_mid_block_conv1.lora_down.weight": [6, 320, 3, 3],
        "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": [12, 768],
    }
    fields = {"ss_output_name": "x", "ss_learning_rate": "1e-4", "ss_base_model_version": "sdxl_1.0"}
    reading = of(safetensors(fields, shapes))
    network = reading.recipe.group("network")
    assert (network.rank, network.conv_rank, network.train) == (12, 6, "unet + text encoder")
    assert line(reading, "network_alpha").kind == "unknown"


def test_several_folders_become_several_loaders():
    subset = {"img_count": 3, "num_repeats": 2, "image_dir": "cats", "shuffle_caption": True, "is_reg": False}
    datasets = [
        {"resolution": [512, 768], "batch_size_per_device": 3, "enable_bucket": True, "min_bucket_reso": 256,
         "max_bucket_reso": 1024, "subsets": [subset, {**subset, "image_dir": "any", "is_reg": True}]},
        {"resolution": [1024, 1024], "subsets": [subset]},
    ]  # fmt: skip
    reading = of(json.dumps({"ss_datasets": json.dumps(datasets), "ss_network_dim": "4", "ss_seed": "3"}))
    assert [(each["folder"], each.get("is_reg", False)) for each in reading.recipe.datasets] == [
        ("cats", False),
        ("any", True),
    ]
    buckets = reading.recipe.group("buckets")
    assert (buckets.width, buckets.height, buckets.extra_resolutions, buckets.batch_size) == (512, 768, "1024x1024", 3)


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {"ss_output_name": "x"}])
def test_a_file_that_tells_nothing_is_refused_with_a_sentence(metadata):
    with pytest.raises(AthanorError, match=r"^x\.safetensors is a LoRA that tells nothing of its training"):
        of(safetensors(metadata, {"lora_unet_a.lora_down.weight": [4, 8]}))


def test_hurt_files_are_refused_with_a_sentence():
    whole = safetensors(D1)
    with pytest.raises(AthanorError, match="in the middle of its header"):
        of(whole[:200])
    with pytest.raises(AthanorError, match="header is broken"):
        of(whole[:20] + b"\x00" + whole[21:])


@pytest.mark.parametrize(
    ("module", "members", "expected"),
    [
        (
            "lycoris.kohya",
            {"algo": "lokr", "factor": "8", "conv_dim": "4", "preset": "full", "train_norm": "True"},
            ("lokr", "full", 4, 8),
        ),
        ("lycoris.kohya", {"conv_dim": "4", "rank_dropout": "None"}, ("locon", "full", 4, -1)),
        ("networks.lora_flux", {}, ("lora", "attn-mlp", 0, -1)),
    ],
)
def test_the_module_and_its_arguments_tell_the_kind_of_network(module, members, expected):
    reading = of(
        json.dumps({"ss_network_module": module, "ss_network_args": members, "ss_network_dim": 8, "ss_seed": 1})
    )
    network = reading.recipe.group("network")
    assert (network.algo, network.preset, network.conv_rank, network.factor) == expected
    assert not [line for line in reading.lines if line.kind == "unknown"]


def test_what_was_resized_has_no_single_rank():
    reading = of(safetensors(D1 | {"ss_network_dim": "Dynamic"}))
    assert "layer to layer" in line(reading, "ss_network_dim").why
    assert reading.recipe.group("network").alpha == 1.0


def test_our_own_files_give_back_the_whole_job():
    job = {
        "training": {"output_name": "cats", "epochs": 3}, "network": {"rank": 12, "alpha": 6.0, "blocks": {}}, "optimizer": {},
        "datasets": [{"folder": "/data/cats", "nested_folders": True, "repeats": 2}, {"folder": "/data/dogs", "is_reg": True}],
        "buckets": {"width": 768, "height": 768, "control_size": "own"}, "sampling": None,
    }  # fmt: skip
    metadata = {
        "athanor_job": json.dumps(job),
        "ss_base_model_version": "sdxl_base_v1-0",
        "ss_sd_model_name": "a.safetensors",
    }
    reading = of(safetensors(metadata))
    recipe = reading.recipe
    assert reading.form == "LoRA file of Athanor"
    assert (recipe.model.family, recipe.model.files) == ("SDXL", {"checkpoint": "a.safetensors"})
    assert [each["folder"] for each in recipe.datasets] == ["/data/cats", "/data/dogs"]
    assert recipe.datasets[0]["nested_folders"] is True, "what no field of sd-scripts tells"
    assert (recipe.group("network").rank, recipe.group("buckets").control_size) == (12, "own")


def test_the_graph_in_our_own_files_names_the_model():
    prompt = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "base.safetensors"}},
        "2": {"class_type": "AthanorTrainLoRA", "inputs": {"model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2], "output_name": "cats"}},
    }  # fmt: skip
    job = {"training": {"output_name": "cats"}, "network": {}, "datasets": [{"folder": "f"}]}
    reading = of(safetensors({"athanor_job": json.dumps(job), "prompt": json.dumps(prompt), "ss_v2": "False"}))
    assert reading.recipe.model.files == {"checkpoint": "base.safetensors"}


def test_a_broken_job_is_told_in_a_sentence():
    with pytest.raises(AthanorError, match=r"^x\.safetensors: the settings in its metadata cannot be read"):
        of(
            safetensors(
                {"athanor_job": json.dumps({"training": {"epochs": "x"}, "network": {"rank": -1}, "datasets": []})}
            )
        )


def test_a_file_of_musubi_tuner():
    datasets = [
        {"resolution": [960, 544], "caption_extension": ".txt", "batch_size_per_device": 1, "num_repeats": 3, "enable_bucket": True,
         "bucket_no_upscale": False, "image_directory": "cats", "control_directory": "before", "has_control": True},
    ]  # fmt: skip
    fields = {
        "ss_base_model_version": "qwen_image_edit", "ss_network_module": "networks.lora_qwen_image", "ss_network_dim": "16",
        "ss_network_alpha": "16", "ss_learning_rate": "5e-05", "ss_timestep_sampling": "shift", "ss_discrete_flow_shift": "2.2",
        "ss_weighting_scheme": "none", "ss_num_train_items": "30", "ss_full_bf16": "False", "ss_full_fp16": "False",
        "ss_datasets": json.dumps(datasets), "ss_num_epochs": "16", "ss_sd_model_name": "qwen_edit.safetensors",
        "ss_gradient_checkpointing_cpu_offload": "False",
    }  # fmt: skip
    reading = of(safetensors(fields))
    recipe = reading.recipe
    assert not [line for line in reading.lines if line.kind == "unknown"]
    assert (recipe.model.family, recipe.model.files) == ("Qwen-Image", {"diffusion_model": "qwen_edit.safetensors"})
    assert (recipe.group("noise").timestep_sampling, recipe.group("noise").flow_shift) == ("shift", 2.2)
    assert {name: recipe.datasets[0][name] for name in ("folder", "repeats", "control_folder")} == {
        "folder": "cats", "repeats": 3, "control_folder": "before",
    }  # fmt: skip
    assert (recipe.group("buckets").width, recipe.group("buckets").height) == (960, 544)
