"""Published studies of several runs as workflows: every setting as it was published, where none is told the default."""

from __future__ import annotations

from typing import Any

from sheet import Port, Sheet
from trained import Trained, checkpoint, compare, models, show, tell

SDXL = "sd_xl_base_1.0.safetensors"
DAP = {"optimizer_type": "DAdaptAdamPreprint", "learning_rate": 1.0}
SNR, OFFSET, IP = {"min_snr_gamma": 5.0}, {"noise_offset": 0.0357}, {"ip_noise_gamma": 0.1}


def _multires(iterations: int) -> dict[str, Any]:
    return {"multires_noise_iterations": iterations, "multires_noise_discount": 0.3}


STUDY = {
    "v53": ("min-SNR, noise offset", SNR, OFFSET),
    "v56": (
        "debiased, Huber",
        {"debiased_estimation_loss": True, "loss_type": "huber", "huber_schedule": "snr", "huber_c": 0.05},
        {},
    ),
    "v57": ("min-SNR, noise offset, input perturbation", SNR, OFFSET | IP),
    "v58": ("min-SNR, multires noise, input perturbation", SNR, IP | _multires(10)),
}
STUDY_SIZE = {"bucket_reso_steps": 32, "bucket_no_upscale": True}
STUDY_PROMPTS = "photo of a woman in a dark room\nphoto of a white cat in snow\na city at night, neon lights"
STUDY_LOOKS = {"negative": "lowres, blurry", "width": 1024, "height": 1024, "steps": 28, "cfg": 5.0, "strengths": "1"}


def _study_base(s: Sheet) -> dict[str, Port]:
    """SDXL, its weights held in fp8."""
    loaded = checkpoint(s, SDXL, "Load Checkpoint: text encoders, VAE")
    unet = s.add("UNETLoader", "Load Diffusion Model: fp8", unet_name=SDXL, weight_dtype="fp8_e4m3fn")
    return {"model": unet["MODEL"], "clip": loaded["CLIP"], "vae": loaded["VAE"]}


def _over_prompts(s: Sheet, title: str, axis: Port, ports: dict[str, Port]) -> None:
    """Compare the runs of an axis as columns, over the study's prompts as rows."""
    looks = {"prompts": STUDY_PROMPTS, **STUDY_LOOKS, **ports}
    compare(s, title, x=axis, rows="prompt", **looks)


def noise_and_loss_study() -> Sheet:
    """Recipe B: v53 | v56 | v57 | v58."""
    s = Sheet("3 Study - Noise and loss")
    s.group("Model")
    s.note(
        """
        ## What do noise and loss settings do?
        Four runs on the same pictures that differ in *Loss Config* and *Noise Config* alone: **v53**, **v56**, **v57**, **v58** \
        of a published study. Then their losses in one plot, and their last epochs side by side.

        **To change**
        1. The base, in both loaders: *Load Diffusion Model* keeps it in fp8 (the checkpoint must lie, or be linked, in \
        **models/diffusion_models** as well).
        2. *Dataset Loader*: your folder.
        3. The two configs of each run. To leave a run out: bypass (Ctrl+B) its *Train LoRA* and its *LoRA Run Axis*.

        A run need not be finished: press *Stop and keep* on its node, and the graph goes on with what it has saved.

        D-Adaptation and min-SNR disturb each other: the node warns, and trains as published.
        """
    )
    ports = _study_base(s)
    s.group("Pictures and settings of all")
    shared = Trained(s, **ports)
    shared.data("my_photos", 2048, STUDY_SIZE | {"batch_size": 4})
    s.column()
    shared.config("network")
    shared.config("optimizer", **DAP)
    runs = {}
    for name, (words, loss, noise) in STUDY.items():
        s.group(f"{name}: {words}")
        shared.config("loss", f"Loss of {name}", **loss)
        shared.config("noise", f"Noise of {name}", **noise)
        runs[name] = shared.train(name, f"Train {name}", gradient_checkpointing="all", epochs=10)
    s.group("Losses")
    slots = dict(zip(("first", "second", "third", "fourth"), (node["run"] for node in runs.values()), strict=True))
    show(s, s.add("AthanorLossCompare", **slots)["plot"], "Loss, learning rate, probe")
    s.group("v53 | v56 | v57 | v58")
    before: dict[str, Port] = {}
    for name, node in runs.items():
        axis = s.add(
            "AthanorLoRARunAxis", f"Last of {name}", run=node["run"], epochs="last", include_base=not before, **before
        )
        before = {"axis": axis["axis"]}
    s.column()
    _over_prompts(s, "The runs over prompts", before["axis"], ports)
    return s


def unfinished_runs() -> Sheet:
    """Recipe B: v61 | v62@e5 | v63@e6."""
    s = Sheet("2 Compare unfinished runs")
    s.group("Model")
    s.note(
        """
        ## Compare runs that were stopped early
        Runs by their **names**, as far as they have come: **v61** as it ended, **v62** at epoch 5, **v63** at epoch 6. Runs that \
        still train (headless, say), were stopped or have crashed count with what they have saved.

        **To change**
        1. *source* of each *LoRA Run Axis*: the run's name or id (the sidebar has both), a folder, or **name-\\***. *epochs*: **5**, \
        **last**, **best 1**, **4-10** ...
        2. *runs* of *Loss Compare*: the names again.
        3. The base, as in the training.

        The three trainings are below, muted: select the nodes of one and press Ctrl+M to train it. (Seed 1 keeps v62 from being \
        v61 again.)
        """
    )
    ports = _study_base(s)
    s.group("v61 | v62 at epoch 5 | v63 at epoch 6")
    before: dict[str, Port] = {}
    for name, epochs in (("v61", "last"), ("v62", "5"), ("v63", "6")):
        axis = s.add(
            "AthanorLoRARunAxis", f"{name}: {epochs}", source=name, epochs=epochs, include_base=not before, include_final=False,
            **before,
        )  # fmt: skip
        before = {"axis": axis["axis"]}
    s.column()
    _over_prompts(s, "Unfinished runs", before["axis"], ports)
    s.column()
    losses = s.add("AthanorLossCompare", runs="v61\nv62\nv63")
    show(s, losses["plot"], "Loss, learning rate, probe")
    prodigy = {"optimizer_type": "Prodigy", "learning_rate": 1.0}
    for name, optimizer, noise, batch, accumulation in (
        ("v61", prodigy, OFFSET | IP, 2, 2),
        ("v62", prodigy, OFFSET | IP, 2, 2),
        ("v63", DAP, IP, 4, 4),
    ):
        s.group(f"{name} (muted)")
        run = Trained(s, **ports)
        run.data("my_photos", 2048, STUDY_SIZE | {"batch_size": batch})
        s.column()
        run.config("network")
        run.config("loss", **SNR)
        run.config("noise", **noise)
        run.config("optimizer", **optimizer)
        s.column()
        run.train(
            name, f"Train {name}", gradient_checkpointing="all", epochs=10, gradient_accumulation_steps=accumulation,
            seed=1 if name == "v62" else 0,
        )  # fmt: skip
        s.mute()
    return s


SERVICES = {
    "D1 TensorArt": {
        "name": "d1_tensorart", "base": "juggernautXL_v9Rundiffusionphoto2.safetensors", "epochs": 10,
        "dataset": {"repeats": 8, "shuffle_caption": True}, "batch_size": 1,
        "network": {"rank": 64, "alpha": 1.0, "conv_rank": 32, "conv_alpha": 1.0},
        "optimizer": {
            "optimizer_type": "Prodigy", "learning_rate": 1.0, "unet_lr": "1", "text_encoder_lr": "1",
            "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3, "lr_warmup_steps": "0",
        },
        "loss": {}, "noise": {"noise_offset": 0.1} | _multires(6),
    },
    "D2 CivitAI": {
        "name": "d2_civitai", "base": SDXL, "epochs": 16,
        "dataset": {"repeats": 10, "shuffle_caption": True, "flip_aug": True}, "batch_size": 4,
        "network": {"rank": 256, "alpha": 1.0},
        "optimizer": {
            "optimizer_type": "AdamW8bit", "optimizer_args": "weight_decay=0.1", "learning_rate": 5e-4, "unet_lr": "5e-4",
            "text_encoder_lr": "5e-5", "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3,
        },
        "loss": SNR, "noise": _multires(6),
    },
    "D3 local": {
        "name": "d3_local", "base": "realistic_sdxl_merge.safetensors", "epochs": 10,
        "dataset": {"repeats": 8, "shuffle_caption": True}, "batch_size": 1,
        "network": {"rank": 64, "alpha": 1.0, "dropout": 0.25, "rank_dropout": 0.25, "module_dropout": 0.05},
        "optimizer": DAP | {
            "optimizer_args": "decouple=True weight_decay=0.2 betas=(0.9,0.99) growth_rate=1.02", "unet_lr": "1",
            "text_encoder_lr": "1", "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 1, "lr_warmup_steps": "10%",
        },
        "loss": {}, "noise": {"noise_offset": 0.0357, "adaptive_noise_scale": 0.00357},
    },
}  # fmt: skip


def three_services() -> Sheet:
    """Recipe D: the settings that three training services use, side by side."""
    s = Sheet("3 Study - Three services")
    s.group("What this is")
    s.note(
        """
        ## Three services compared
        The same 150 pictures, trained with the settings of **TensorArt**, **CivitAI** and a **local** trainer; then the three LoRAs \
        on three base models, each over the other's.

        **To change**
        1. The three bases, here and in *XYZ Axis: base models*.
        2. *Dataset Loader*: your folder, three times.

        **LoRA Info** tells what a service did not: the settings in the file's metadata. For a LoRA that you have downloaded, take \
        the link off *lora_name* and choose the file. Its outputs *network*, *loss*, *noise*, *optimizer* go to *Train LoRA* in \
        place of the configs.

        To compare downloaded files: *source* of a *LoRA Run Axis* takes the file's name, once its run is not connected.
        """
    )
    runs, bases_loaded = {}, []
    for title, recipe in SERVICES.items():
        s.group(title)
        loaded = checkpoint(s, recipe["base"], f"Base of {title[:2]}")
        bases_loaded.append(loaded)
        run = Trained(s, **models(loaded))
        run.data(
            "my_photos", 1024, {"max_bucket_reso": 2048, "batch_size": recipe["batch_size"]}, **recipe["dataset"],
        )  # fmt: skip
        s.column()
        run.config("network", train="unet + text encoder", **recipe["network"])
        run.config("noise", **recipe["noise"])
        s.column()
        run.config("optimizer", **recipe["optimizer"])
        run.config("loss", **recipe["loss"])
        runs[title] = run.train(recipe["name"], f"Train {title}", epochs=recipe["epochs"], gradient_checkpointing="all")
    s.group("What a LoRA file tells")
    told = s.add("AthanorLoRAInfo", lora_name=runs["D1 TensorArt"]["lora_name"])
    tell(s, told["text"], "Its settings")
    show(s, told["chart"], "How much each block changes")
    s.group("Three LoRAs x three base models")
    before: dict[str, Port] = {}
    for title, node in runs.items():
        axis = s.add("AthanorLoRARunAxis", title, run=node["run"], epochs="last", include_base=False, **before)
        before = {"axis": axis["axis"]}
    bases = "\n".join(recipe["base"].removesuffix(".safetensors") for recipe in SERVICES.values())
    base = s.add("AthanorXYZAxis", "XYZ Axis: base models", type="model", values=bases)
    s.column()
    compare(
        s, "LoRAs and base models", x=before["axis"], y=base["axis"], strengths="0.76", seeds="1",
        prompts="photo of a woman, upper body, soft light, detailed skin", negative="cartoon, painting, lowres, bad hands, watermark",
        width=896, height=1152, steps=30, cfg=5.0, sampler_name="dpmpp_2m", scheduler="karras", **models(bases_loaded[0]),
    )  # fmt: skip
    return s


ALL = (noise_and_loss_study, unfinished_runs, three_services)
