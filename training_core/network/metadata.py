"""What a LoRA file tells about its training, under sd-scripts' ss_ and modelspec names."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from pathlib import Path

from ..data.plan import Buckets, Length
from ..families import FAMILIES
from ..randomness import torch_seed
from ..settings import Job


def _or_none(value: float) -> str:
    return str(value) if value else "None"


def _folder(name: str) -> str:
    return name.rpartition("/")[0] or "."


IMPLEMENTATIONS = {family.architecture: family.implementation for family in FAMILIES}
"""modelspec.implementation by architecture (a variant's own architecture is not in it); diffusers for the others."""


def legacy_hash(path: Path) -> str:
    """The first 8 hex digits over 64 KB at 1 MB, by which model files used to be known."""
    with path.open("rb") as file:
        file.seek(0x100000)
        return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]


def _file(kind: str, path: Path | None) -> dict[str, str]:
    """Name and hash of a model's file; the whole of it is not read for a second hash."""
    if path is None or not path.is_file():
        return {f"ss_{kind}_name": "None"}
    return {f"ss_{kind}_name": path.name, f"ss_{kind}_hash": legacy_hash(path)}


def _flow(job: Job) -> dict[str, str]:
    """What only flow models have."""
    noise, loss = job.noise, job.loss
    return {
        "ss_timestep_sampling": noise.timestep_sampling,
        "ss_sigmoid_scale": str(noise.sigmoid_scale),
        "ss_discrete_flow_shift": _or_none(noise.flow_shift),
        "ss_logit_mean": str(noise.logit_mean),
        "ss_logit_std": str(noise.logit_std),
        "ss_mode_scale": str(noise.mode_scale),
        "ss_weighting_scheme": loss.weighting_scheme,
        "ss_model_prediction_type": loss.model_prediction_type,
        "ss_guidance_scale": str(job.conditioning.guidance_scale),
    }


def _range(job: Job) -> dict[str, str]:
    """modelspec.timestep_range, if it is not the whole."""
    low, high = job.noise.min_timestep, job.noise.max_timestep
    return {} if (low, high) == (0, 1000) else {"modelspec.timestep_range": f"{low},{high}"}


def describe(
    job: Job,
    buckets: Buckets,
    length: Length,
    *,
    base_version: str,
    architecture: str,
    prediction: str,
    optimizer_label: str,
    base_model: Path | None,
    validation_images: int,
    fp8_base: bool,
    clip_skip: int,
    started: float,
) -> dict[str, object]:
    """Everything that is known before the first step. Only the time fields differ between equal runs.

    Args:
        prediction: eps, v or flow.
        base_model: the checkpoint's file, where the host knows it.
        validation_images: pictures held out for the probe.
        fp8_base: the frozen model's weights are stored in 8 bits.
        clip_skip: layer of the CLIP that is read, from the end; 0: its own.
    """
    training, optimizer, network, noise, loss = job.training, job.optimizer, job.network, job.noise, job.loss
    tags: dict[str, Counter[str]] = defaultdict(Counter)
    folders: dict[str, dict[str, int]] = {}
    reg_folders: dict[str, dict[str, int]] = {}
    for picture in buckets.dataset.pictures:
        folder = _folder(picture.name)
        held = reg_folders if job.datasets[picture.subset].is_reg else folders
        line = picture.caption.partition("\n")[0]
        tags[folder].update(tag.strip().lower() for tag in line.split(",") if tag.strip())
        entry = held.setdefault(folder, {"n_repeats": picture.repeats, "img_count": 0})
        entry["img_count"] += 1
    groups, first = buckets.by_size(), job.datasets[0]
    seen: Counter[bool] = Counter()
    for picture, repeats in zip(buckets.dataset.pictures, buckets.dataset.repeats, strict=True):
        seen[job.datasets[picture.subset].is_reg] += repeats
    lycoris = network.algo != "lora" or network.preset != "attn-mlp" or network.train_norm
    network_args = {"rank_dropout": network.rank_dropout, "module_dropout": network.module_dropout}
    if network.conv_rank:
        network_args |= {"conv_dim": network.conv_rank, "conv_alpha": network.conv_alpha}
    if lycoris:
        network_args |= {
            "algo": network.algo,
            "preset": network.preset,
            "train_norm": network.train_norm,
            "factor": network.factor,
            "dora_wd": network.dora,
        }
        options = (
            "rs_lora",
            "loraplus_lr_ratio",
            "use_tucker",
            "decompose_both",
            "full_matrix",
            "constraint",
            "include",
            "exclude",
        )
        network_args |= {name: getattr(network, name) for name in options if getattr(network, name)}
    return {
        "ss_output_name": training.output_name.rpartition("/")[2],
        "ss_training_started_at": str(started),
        "ss_learning_rate": str(optimizer.learning_rate),
        "ss_unet_lr": optimizer.unet_lr or str(optimizer.learning_rate),
        "ss_text_encoder_lr": (optimizer.text_encoder_lr or str(optimizer.learning_rate)) if network.text else "None",
        "ss_num_train_images": str(seen[False]),
        "ss_num_reg_images": str(seen[True]),
        "ss_prior_loss_weight": str(loss.prior_loss_weight),
        "ss_flip_aug": str(first.flip_aug),
        "ss_color_aug": str(first.color_aug),
        "ss_random_crop": str(first.random_crop),
        "ss_caption_dropout_rate": str(first.caption_dropout_rate),
        "ss_caption_dropout_every_n_epochs": str(first.caption_dropout_every_n_epochs),
        "ss_caption_tag_dropout_rate": str(first.caption_tag_dropout_rate),
        "ss_num_batches_per_epoch": str(buckets.batches_per_epoch),
        "ss_num_epochs": str(length.epochs),
        "ss_max_train_steps": str(length.steps),
        "ss_gradient_accumulation_steps": str(training.gradient_accumulation_steps),
        "ss_gradient_checkpointing": str(training.gradient_checkpointing in ("part", "all")),
        "ss_lr_scheduler": optimizer.lr_scheduler,
        "ss_lr_warmup_steps": str(optimizer.lr_warmup_steps),
        "ss_network_module": "lycoris.kohya" if lycoris else "networks.lora",
        "ss_network_dim": str(network.rank),
        "ss_network_alpha": str(network.alpha),
        "ss_network_dropout": _or_none(network.dropout),
        "ss_network_args": {key: str(value) for key, value in network_args.items()},
        "ss_mixed_precision": training.mixed_precision,
        "ss_base_model_version": base_version,
        "ss_seed": str(training.seed),
        "ss_noise_offset": _or_none(noise.noise_offset),
        "ss_noise_offset_random_strength": str(noise.noise_offset_random_strength),
        "ss_adaptive_noise_scale": _or_none(noise.adaptive_noise_scale),
        "ss_zero_terminal_snr": str(noise.zero_terminal_snr),
        "ss_ip_noise_gamma_random_strength": str(noise.ip_noise_gamma_random_strength),
        **(_flow(job) if prediction == "flow" else {}),
        "ss_scale_v_pred_loss_like_noise_pred": str(loss.scale_v_pred_loss_like_noise_pred),
        "ss_masked_loss": str(any(p.mask for p in buckets.dataset.pictures)),
        "ss_max_token_length": {"75": "None"}.get(first.max_token_length, first.max_token_length),
        "ss_session_id": str(torch_seed("session", job.run_id) % 2**32),
        "ss_v2": str(base_version.startswith("sd_v2")),
        "ss_clip_skip": _or_none(clip_skip),
        "ss_cache_latents": "True",
        "ss_lowram": "False",
        "ss_full_fp16": str(training.full_precision == "fp16"),
        "ss_fp8_base": str(fp8_base),
        "ss_fp8_base_unet": str(fp8_base),
        "ss_scale_weight_norms": _or_none(network.scale_weight_norms),
        "ss_face_crop_aug_range": "None",
        "ss_training_comment": "None",
        "ss_resize_interpolation": buckets.settings.resize_interpolation,
        "ss_num_validation_images": str(validation_images),
        "ss_validation_seed": str(job.validation.validation_seed),
        "ss_validation_split": str(job.validation.validation_split),
        "ss_validate_every_n_steps": _or_none(job.validation.validate_every_n_steps),
        "ss_validate_every_n_epochs": "None",
        "ss_max_validation_steps": "None",
        **_file("sd_model", base_model),
        "ss_multires_noise_iterations": _or_none(noise.multires_noise_iterations),
        "ss_multires_noise_discount": str(noise.multires_noise_discount),
        "ss_ip_noise_gamma": _or_none(noise.ip_noise_gamma),
        "ss_loss_type": loss.loss_type,
        "ss_huber_schedule": loss.huber_schedule,
        "ss_huber_c": str(loss.huber_c),
        "ss_huber_scale": str(loss.huber_scale),
        "ss_min_snr_gamma": _or_none(loss.min_snr_gamma),
        "ss_debiased_estimation": str(loss.debiased_estimation_loss),
        "ss_optimizer": optimizer_label,
        "ss_max_grad_norm": str(optimizer.max_grad_norm),
        "ss_batch_size_per_device": str(buckets.settings.batch_size),
        "ss_total_batch_size": str(buckets.settings.batch_size * training.batches_per_step),
        "ss_resolution": str((buckets.settings.width, buckets.settings.height)),
        "ss_enable_bucket": str(buckets.settings.enable_bucket),
        "ss_bucket_no_upscale": str(buckets.settings.bucket_no_upscale),
        "ss_min_bucket_reso": str(buckets.settings.min_bucket_reso),
        "ss_max_bucket_reso": str(buckets.settings.max_bucket_reso),
        "ss_bucket_info": {
            "buckets": {
                str(i): {"resolution": list(size), "count": len(entries)}
                for i, (size, entries) in enumerate(groups.items())
            }
        },
        "ss_shuffle_caption": str(first.shuffle_caption),
        "ss_keep_tokens": str(first.keep_tokens),
        "ss_tag_frequency": {folder: dict(counts) for folder, counts in tags.items()},
        "ss_dataset_dirs": folders,
        "ss_reg_dataset_dirs": reg_folders,
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": architecture if network.algo == "finetune" else f"{architecture}/lora",
        "modelspec.implementation": IMPLEMENTATIONS.get(architecture, "diffusers"),
        **({} if prediction == "flow" else {"modelspec.prediction_type": "epsilon" if prediction == "eps" else "v"}),
        **({"modelspec.trigger_phrase": first.caption_prefix} if first.caption_prefix else {}),
        **_range(job),
        **({"modelspec.encoder_layer": str(clip_skip)} if clip_skip else {}),
        "modelspec.title": training.output_name.rpartition("/")[2],
        "modelspec.resolution": f"{buckets.settings.width}x{buckets.settings.height}",
        "athanor_run_id": job.run_id,
        "athanor_job": job.model_dump(),
    }


def at_save(step: int, epoch: int) -> dict[str, str]:
    """What is known only when a file is written."""
    now = time.time()
    return {
        "ss_training_finished_at": str(now),
        "ss_steps": str(step),
        "ss_epoch": str(epoch),
        "modelspec.date": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now)),
    }
