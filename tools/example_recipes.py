"""Published recipes as workflows: every setting as it was published, where none is told the default."""

from __future__ import annotations

from sheet import FIRST, Sheet
from trained import Trained, checkpoint, compare, show


def sd15_character() -> Sheet:
    """Recipe E, the beginner's guide."""
    s = Sheet("3 Recipe - SD1.5 character")
    s.group("Model")
    s.note(
        """
        ## A character on SD1.5
        The settings of the well-known beginner's guide, for some 40 pictures with tags.

        **To change**
        1. *Load Checkpoint*: your base. *CLIP Set Last Layer* -2 is clip skip 2, for anime bases; set it to -1 for others.
        2. *Dataset Loader*: a folder below **input** or **datasets** with sub-folders **5_outfit**: 5 repeats. Give rare outfits \
        more repeats. The second loader has regularization pictures, **1_girl** with as many as you like; no such folder: \
        take its link off.
        3. *caption_prefix*: your trigger word; *keep_tokens* 1 leaves it in front.
        4. *Bucketer*: 512 to 768, a multiple of 64.

        Steps = pictures x repeats x epochs / batch size: at least 1000 for a character (2500 style, 3000 concept).

        Then look at the grid: base model, epochs from top to bottom, strengths from left to right.
        """
    )
    model = checkpoint(s, FIRST)
    clip = s.add("CLIPSetLastLayer", "Clip skip 2", clip=model["CLIP"], stop_at_clip_layer=-2)
    s.group("Pictures")
    run = Trained(s, model["MODEL"], clip["CLIP"], model["VAE"])
    own = s.add(
        "AthanorDatasetLoader", "Dataset: the character", folder="my_character", shuffle_caption=True, keep_tokens=1,
        caption_prefix="mychar, ",
    )  # fmt: skip
    s.column()
    both = s.add(
        "AthanorDatasetLoader",
        "Dataset: regularization",
        folder="my_character_reg",
        is_reg=True,
        dataset=own["dataset"],
    )
    buckets = run.buckets(both["dataset"], 512, batch_size=2)
    s.group("Settings")
    run.config(
        "network",
        algo="locon",
        train="unet + text encoder",
        rank=16,
        alpha=8.0,
        conv_rank=8,
        conv_alpha=4.0,
        preset="full",
    )
    run.config("noise", noise_offset=0.1)
    s.column()
    optimizer = run.config(
        "optimizer", optimizer_type="AdamW8bit", learning_rate=1e-4, unet_lr="1e-4", text_encoder_lr="5e-5",
        lr_scheduler="cosine", lr_warmup_steps="0.05",
    )  # fmt: skip
    run.config("loss", min_snr_gamma=5.0, prior_loss_weight=1.0)
    run.config(
        "samples", sample_prompts="mychar, 1girl, portrait\nmychar, 1girl, full body, outdoors\n1girl, portrait",
        width=512, height=768, negative="lowres, bad anatomy",
    )  # fmt: skip
    s.group("Training")
    trained = run.train("my_character", epochs=10, seed=42)
    s.column()
    show(s, trained["loss_curve"], "Loss curve")
    show(s, s.add("AthanorLRPlot", optimizer=optimizer["optimizer"], steps=1000)["plot"], "Learning rate")
    show(s, buckets["contact_sheet"], "Contact sheet")
    s.group("Pick the epoch")
    compare(
        s, "Epochs and strengths", run=trained["run"], model=model["MODEL"], clip=clip["CLIP"], vae=model["VAE"],
        prompts="mychar, 1girl, portrait\nmychar, 1girl, full body, outdoors\n1girl, portrait", negative="lowres, bad anatomy",
        checkpoints="every 2", width=512, height=768, seeds="1",
    )  # fmt: skip
    return s


def sdxl_style_lokr() -> Sheet:
    """Recipe A: a style for SDXL, as LoKr."""
    s = Sheet("3 Recipe - SDXL style LoKr")
    s.group("Model")
    s.note(
        """
        ## Does debiased estimation help?
        A style LoKr of full dimension on SDXL, twice: **A1** with *debiased_estimation_loss*, **A2** without; all else is the \
        same. Below, you see both loss curves, the epochs of each, and the best of each against the other.

        **To change**
        1. *Load Checkpoint* and *Load VAE* (one that is right in fp16).
        2. *Dataset Loader*: your folder; the prompts of the grids.
        3. *Train LoRA*: published on two GPUs with batch 6 each. One GPU gives the same numbers with \
        *gradient_accumulation_steps* 2, as here; on two, set it to 1 and *processes* to 2.
        4. Out of memory: batch_size 1 and gradient_accumulation_steps 12.

        A loss that is lower by its weights alone proves nothing: the probe and the grids do.
        """
    )
    model = checkpoint(s, "Illustrious-XL-v0.1.safetensors")
    vae = s.add("VAELoader", vae_name="sdxl-vae-fp16-fix.safetensors")
    ports = {"model": model["MODEL"], "clip": model["CLIP"], "vae": vae["VAE"]}
    s.group("Pictures")
    run = Trained(s, **ports)
    run.data(
        "my_style", 1024, {"min_bucket_reso": 256, "max_bucket_reso": 4096, "bucket_reso_steps": 64, "batch_size": 6},
        shuffle_caption=True, keep_tokens=0, max_token_length="225",
    )  # fmt: skip
    s.group("Settings of both")
    run.config(
        "network", algo="lokr", train="unet", rank=100000, alpha=100000.0, conv_rank=100000, conv_alpha=100000.0, factor=8,
        dropout=0.0, preset="full", train_norm=True,
    )  # fmt: skip
    s.column()
    run.config(
        "optimizer", optimizer_type="Lion8bit", optimizer_args="weight_decay=0.05 betas=0.9,0.95", learning_rate=1e-4,
        unet_lr="1e-4", text_encoder_lr="1e-5", lr_scheduler="constant_with_warmup", lr_warmup_steps="100",
    )  # fmt: skip
    run.config("cache", latent_sampling="once", cache_to_disk=True)
    train = {
        "epochs": 40, "save_every_n_epochs": 2, "save_precision": "fp16", "seed": 1337, "mixed_precision": "fp16",
        "full_precision": "fp16", "gradient_checkpointing": "all", "gradient_accumulation_steps": 2,
    }  # fmt: skip
    s.group("A1: with debiased estimation")
    run.config("loss", "Loss: debiased", debiased_estimation_loss=True, prior_loss_weight=1.0)
    first = run.train("style_A1_debiased", "Train A1", **train)
    s.group("A2: without")
    run.config("loss", "Loss: plain", prior_loss_weight=1.0)
    second = run.train("style_A2_plain", "Train A2", **train)
    s.group("Both loss curves")
    losses = s.add("AthanorLossCompare", first=first["run"], second=second["run"])
    show(s, losses["plot"], "Loss, learning rate, probe")
    looks = {"negative": "lowres, bad anatomy, watermark", "width": 1024, "height": 1024, "steps": 28, "cfg": 6.0}
    looks |= {"strengths": "1", "seeds": "1", "sampler_name": "euler_ancestral", **ports}
    prompts = "1girl, portrait, looking at viewer\nmountains, lake, no humans\na cat on a sofa"
    s.group("The epochs of each")
    for trained, name in ((first, "A1"), (second, "A2")):
        compare(
            s, f"Epochs of {name}", run=trained["run"], columns="prompt", checkpoints="every 4", prompts=prompts,
            **looks,
        )  # fmt: skip
        s.column()
    s.group("The best epoch of each, by the probe")
    one = s.add("AthanorLoRARunAxis", "Best of A1", run=first["run"], epochs="best 1", include_final=False)
    two = s.add(
        "AthanorLoRARunAxis", "Best of A2", run=second["run"], epochs="best 1", include_base=False, include_final=False,
        axis=one["axis"],
    )  # fmt: skip
    s.column()
    compare(
        s, "Best against best", x=two["axis"], rows="prompt",
        prompts=f"{prompts}\na castle at night, moon\n1boy, armor, sword", **looks,
    )  # fmt: skip
    return s


def sd3_full_finetune() -> Sheet:
    """Recipe C: SD3 trained in full, without a LoRA."""
    s = Sheet("3 Recipe - SD3 full fine-tune")
    s.group("Model")
    s.note(
        """
        ## SD3 medium, fine-tuned as a whole
        *algo finetune* trains the model itself, in bf16; every epoch is saved as a checkpoint.

        **To change**
        1. The model and its three text encoders. Memory: about 3 x the model and the activations.
        2. *Dataset Loader*: your folder. 51 pictures were too few, 102 did.
        3. Published on four GPUs with a picture each. One GPU gives the same numbers with *gradient_accumulation_steps* 4, as \
        here; on four, set it to 1 and *processes* to 4.

        The recipe has two settings without effect here, and *Train LoRA* says so: *debiased_estimation_loss* means nothing for \
        flow models. *keep_tokens* needs *shuffle_caption*.

        Pictures that wash out white, or look alike: too many steps. Choose an earlier epoch in the grid.
        """
    )
    model = checkpoint(s, "sd3_medium.safetensors")
    clip = s.add(
        "TripleCLIPLoader",
        clip_name1="clip_l.safetensors",
        clip_name2="clip_g.safetensors",
        clip_name3="t5xxl_fp16.safetensors",
    )
    ports = {"model": model["MODEL"], "clip": clip["CLIP"], "vae": model["VAE"]}
    s.group("Pictures")
    run = Trained(s, **ports)
    run.data("my_style", 1024, {"max_bucket_reso": 2048, "batch_size": 1}, keep_tokens=1, caption_extension=".txt")
    s.group("Settings")
    run.config("network", algo="finetune", train="unet")
    run.config("loss", debiased_estimation_loss=True, model_prediction_type="sigma_scaled")
    s.column()
    run.config(
        "optimizer", optimizer_type="AdamW8bit", learning_rate=1e-4, lr_scheduler="cosine_with_restarts", lr_warmup_steps="0",
        lr_scheduler_num_cycles=1,
    )  # fmt: skip
    run.config("cache", latent_sampling="once", cache_to_disk=True, vae_batch_size=1)
    s.group("Training")
    trained = run.train(
        "sd3_style", epochs=16, save_every_n_epochs=1, save_precision="fp16", mixed_precision="bf16", full_precision="bf16",
        gradient_checkpointing="all", gradient_accumulation_steps=4,
    )  # fmt: skip
    show(s, trained["loss_curve"], "Loss curve")
    s.group("Choose among the checkpoints")
    compare(
        s, "Epochs over prompts", run=trained["run"], columns="prompt", checkpoints="every 2", strengths="1",
        prompts="a woman in a garden\na mountain lake at dawn\na street in the rain", width=1024, height=1024, steps=28, cfg=4.5,
        sampler_name="dpmpp_2m", scheduler="sgm_uniform", **ports,
    )  # fmt: skip
    return s


def wan22_experts() -> Sheet:
    """Wan 2.2 of 14B: a LoRA for each of its two models, and one grid that both draw."""
    s = Sheet("3 Recipe - Wan 2.2 experts")
    s.group("Models")
    s.note(
        """
        ## Wan 2.2: two models, two LoRAs, one grid
        Wan 2.2 (14B) draws the first steps with its **high-noise** model and the others with its **low-noise** one. Each gets a \
        LoRA of its own, trained on still pictures at the noise that it will see: *Noise Config* leaves the rest out. The grid \
        draws every picture with both, and epochs go together.

        **To change**
        1. Both *Load Diffusion Model*, *Load CLIP*, *Load VAE*.
        2. *Dataset Loader*: your folder.
        3. Image-to-video models are not trained; their boundary would be 0.9 (900 in both *Noise Config*).

        For ComfyUI's own nodes: the first LoRA on the high-noise model, the second on the low-noise one, and two *KSampler \
        (Advanced)*. Each picture of the grid has that graph in it.

        Only one of the models is loaded at a time. Out of memory: *blocks_to_swap* of both *Train LoRA*.
        """
    )
    s.column()
    high = s.add("UNETLoader", "High noise", unet_name="wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors")
    low = s.add("UNETLoader", "Low noise", unet_name="wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors")
    text = s.add("CLIPLoader", type="wan", clip_name="umt5_xxl_fp8_e4m3fn_scaled.safetensors")
    vae = s.add("VAELoader", vae_name="wan_2.1_vae.safetensors")
    ports = {"clip": text["CLIP"], "vae": vae["VAE"]}
    s.group("Pictures and settings of both")
    dataset = s.add("AthanorDatasetLoader", folder="my_photos", repeats=10)
    buckets = s.add("AthanorBucketer", dataset=dataset["dataset"], width=768, height=768, batch_size=1)
    s.column()
    network = s.add("AthanorNetworkConfig", rank=32, alpha=32.0)
    optimizer = s.add("AthanorOptimizerConfig", optimizer_type="AdamW", learning_rate=1e-4)
    shared = {name: node[name] for name, node in (("buckets", buckets), ("network", network), ("optimizer", optimizer))}
    runs = {}
    for name, model, limits in (
        ("high", high, {"min_timestep": 875, "max_timestep": 1000}),
        ("low", low, {"min_timestep": 0, "max_timestep": 875}),
    ):
        s.group(f"{name.capitalize()} noise: {limits['min_timestep']} to {limits['max_timestep']}")
        noise = s.add("AthanorNoiseConfig", f"Noise of {name}", **limits)
        runs[name] = s.add(
            "AthanorTrainLoRA", f"Train {name}", model=model["MODEL"], output_name=f"my_wan22_{name}_noise", epochs=10,
            save_every_n_epochs=2, noise=noise["noise"], **shared, **ports,
        )  # fmt: skip
    s.group("Both in one grid")
    compare(
        s, "Epochs, drawn by both models", model=high["MODEL"], run=runs["high"]["run"], model_low=low["MODEL"],
        run_low=runs["low"]["run"], boundary=0.875, columns="prompt", strengths="1", width=768, height=768, steps=20, cfg=3.5,
        sampler_name="euler", scheduler="simple", **ports,
    )  # fmt: skip
    return s


ALL = (sd15_character, sdxl_style_lokr, sd3_full_finetune, wan22_experts)
