"""The published recipes, group by group of settings, as they were published."""

from __future__ import annotations

LOKR = {
    "algo": "lokr", "rank": 100000, "alpha": 100000.0, "conv_rank": 100000, "conv_alpha": 100000.0, "factor": 8,
    "train_norm": True, "preset": "full",
}  # fmt: skip
A = {
    "family": "sd15",
    "network": LOKR,
    "optimizer": {
        "optimizer_type": "Lion8bit", "optimizer_args": "weight_decay=0.05 betas=0.9,0.95", "learning_rate": 1e-4,
        "unet_lr": "1e-4", "text_encoder_lr": "1e-5", "lr_scheduler": "constant_with_warmup", "lr_warmup_steps": "100",
    },
    "dataset": {"shuffle_caption": True, "max_token_length": "225"},
    "buckets": {"batch_size": 6},
    "train": {"seed": 1337, "gradient_checkpointing": "all", "mixed_precision": "no"},
}  # fmt: skip
DAP = {"optimizer_type": "DAdaptAdamPreprint", "learning_rate": 1.0}
BOTH = {"unet_lr": "1", "text_encoder_lr": "1"}
PRODIGY = {"optimizer_type": "Prodigy", "learning_rate": 1.0}
LION = {"optimizer_type": "Lion8bit", "learning_rate": 1e-4}
SNR, OFFSET, IP = {"min_snr_gamma": 5.0}, {"noise_offset": 0.0357}, {"ip_noise_gamma": 0.1}


def huber(c: float) -> dict:
    return {"loss_type": "huber", "huber_schedule": "snr", "huber_c": c}


def multires(iterations: int) -> dict:
    return {"multires_noise_iterations": iterations, "multires_noise_discount": 0.3}


def b(
    optimizer: dict, loss: dict, noise: dict, batch: int = 4, accumulation: int = 1, base: str = "fp8_e4m3fn"
) -> dict:
    return {
        "family": "sd15", "optimizer": optimizer, "loss": loss, "noise": noise, "weight_dtype": base,
        "buckets": {"bucket_no_upscale": True, "batch_size": batch},
        "train": {"gradient_accumulation_steps": accumulation},
    }  # fmt: skip


D = {"family": "sd15", "dataset": {"shuffle_caption": True, "repeats": 8}}
RECIPES = {
    "A1": A | {"loss": {"debiased_estimation_loss": True}},
    "A2": A,
    "v53": b(DAP, SNR, OFFSET),
    "v54": b(LION, {"debiased_estimation_loss": True}, {}),
    "v55": b(DAP, {"debiased_estimation_loss": True} | huber(0.01), {}),
    "v56": b(DAP, {"debiased_estimation_loss": True} | huber(0.05), {}),
    "v57": b(DAP, SNR, OFFSET | IP),
    "v58": b(DAP, SNR, IP | multires(10)),
    "v59": b(DAP, SNR | huber(0.08), IP),
    "v60": b(DAP, SNR, IP | multires(6)),
    "v61": b(PRODIGY, SNR, OFFSET | IP, 2, 2),
    "v62": b(PRODIGY, SNR, OFFSET | IP, 2, 2),
    "v63": b(DAP, SNR, IP, 4, 4),
    "v64": b(DAP, SNR, IP | multires(6), base="default"),
    "C": {
        "family": "sd3",
        "network": {"algo": "finetune"},
        "optimizer": {"optimizer_type": "AdamW8bit", "learning_rate": 1e-4, "lr_scheduler": "cosine_with_restarts"},
        "loss": {"debiased_estimation_loss": True},
        "dataset": {"keep_tokens": 1},
        "buckets": {"batch_size": 1},
        "train": {"mixed_precision": "bf16", "full_precision": "bf16"},
    },
    "D1": D | {
        "network": {"rank": 64, "alpha": 1.0, "conv_rank": 32, "conv_alpha": 1.0, "train": "unet + text encoder"},
        "optimizer": PRODIGY | {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3} | BOTH,
        "noise": {"noise_offset": 0.1} | multires(6),
        "buckets": {"batch_size": 1},
    },
    "D2": D | {
        "dataset": {"shuffle_caption": True, "flip_aug": True, "repeats": 10},
        "network": {"rank": 256, "alpha": 1.0},
        "optimizer": {
            "optimizer_type": "AdamW8bit", "optimizer_args": "weight_decay=0.1", "learning_rate": 5e-4, "text_encoder_lr": "5e-5",
            "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3,
        },
        "loss": SNR,
        "noise": multires(6),
        "buckets": {"batch_size": 4},
    },
    "D3": D | {
        "network": {"rank": 64, "alpha": 1.0, "dropout": 0.25, "rank_dropout": 0.25, "module_dropout": 0.05},
        "optimizer": DAP | {
            "optimizer_args": "decouple=True weight_decay=0.2 betas=(0.9,0.99) growth_rate=1.02",
            "lr_scheduler": "cosine_with_restarts", "lr_warmup_steps": "10%",
        },
        "noise": {"noise_offset": 0.0357, "adaptive_noise_scale": 0.00357},
        "buckets": {"batch_size": 1},
    },
    "E": {
        "family": "sd15",
        "network": {"algo": "locon", "rank": 16, "alpha": 8.0, "conv_rank": 8, "conv_alpha": 4.0, "train": "unet + text encoder"},
        "optimizer": {
            "optimizer_type": "AdamW8bit", "learning_rate": 1e-4, "unet_lr": "1e-4", "text_encoder_lr": "5e-5", "lr_scheduler": "cosine",
            "lr_warmup_steps": "0.05",
        },
        "loss": SNR,
        "noise": {"noise_offset": 0.1},
        "buckets": {"batch_size": 2},
    },
}  # fmt: skip
