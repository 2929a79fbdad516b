"""What a LoRA file tells about its training, under sd-scripts' ss_ and modelspec names."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

from ..data.plan import Buckets, Length
from ..settings import Job


def _or_none(value: float) -> str:
    return str(value) if value else "None"


def _folder(name: str) -> str:
    return name.rpartition("/")[0] or "."


def describe(
    job: Job,
    buckets: Buckets,
    length: Length,
    *,
    base_version: str,
    architecture: str,
    optimizer_label: str,
    started: float,
) -> dict[str, object]:
    """Everything that is known before the first step. Only the time fields differ between equal runs."""
    training, optimizer, network, noise, loss = job.training, job.optimizer, job.network, job.noise, job.loss
    tags: dict[str, Counter[str]] = defaultdict(Counter)
    folders: dict[str, dict[str, int]] = {}
    for picture in buckets.dataset.pictures:
        folder = _folder(picture.name)
        line = picture.caption.partition("\n")[0]
        tags[folder].update(tag.strip().lower() for tag in line.split(",") if tag.strip())
        entry = folders.setdefault(folder, {"n_repeats": picture.repeats, "img_count": 0})
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
        options = ("rs_lora", "use_tucker", "decompose_both", "full_matrix", "constraint", "include", "exclude")
        network_args |= {name: getattr(network, name) for name in options if getattr(network, name)}
    return {
        "ss_output_name": training.output_name.rpartition("/")[2],
        "ss_training_started_at": str(started),
        "ss_learning_rate": str(optimizer.learning_rate),
        "ss_unet_lr": str(optimizer.learning_rate),
        "ss_text_encoder_lr": "None",
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
        "ss_gradient_checkpointing": str(training.gradient_checkpointing),
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
        "ss_timestep_sampling": noise.timestep_sampling,
        "ss_weighting_scheme": loss.weighting_scheme,
        "ss_model_prediction_type": loss.model_prediction_type,
        "ss_guidance_scale": str(job.conditioning.guidance_scale),
        "ss_scale_v_pred_loss_like_noise_pred": str(loss.scale_v_pred_loss_like_noise_pred),
        "ss_masked_loss": str(any(p.mask for p in buckets.dataset.pictures)),
        "ss_max_token_length": first.max_token_length,
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
        "ss_total_batch_size": str(buckets.settings.batch_size * training.gradient_accumulation_steps),
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
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{architecture}/lora",
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
