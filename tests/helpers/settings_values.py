"""For every setting of a job, a job in which it has another allowed value than its default."""

from __future__ import annotations

from typing import Any

from athanor.training_core.settings import JOB_GROUPS, DatasetSettings, Job, info

TEXTS = {
    "network.preset_toml": 'enable_conv = true\nunet_target_module = ["Attention"]',
    "network.include": "attn2, output_blocks",
    "network.exclude": "adaLN",
    "network.blocks.down_lr_weight": "cosine+0.25",
    "network.blocks.mid_lr_weight": "0.5",
    "network.blocks.up_lr_weight": "linear",
    "network.blocks.block_dims": "4,8",
    "network.blocks.block_alphas": "2,4",
    "network.blocks.conv_block_dims": "2,2",
    "network.blocks.conv_block_alphas": "1,1",
    "network.blocks.reg_dims": "attn2=32, single_blocks=8",
    "network.blocks.reg_lrs": "attn2=1e-5",
    "optimizer.optimizer_args": "weight_decay=0.1 betas=0.9,0.95",
    "optimizer.unet_lr": "0.0003",
    "optimizer.text_encoder_lr": "5e-05, 1e-05, 0",
    "optimizer.lr_warmup_steps": "5%",
    "optimizer.lr_decay_steps": "20",
    "optimizer.lr_step_rules": "1:100, 0.1",
    "optimizer.optimizer_class": "torch.optim.rprop.Rprop",
    "training.output_name": "another",
    "buckets.extra_resolutions": "768",
    "datasets.alpha_background": "#102030",
    "datasets.caption_extension": ".caption",
    "datasets.caption_separator": ";",
    "sampling.sample_prompts": "a cat",
}
CHOICES = {"training.gradient_checkpointing": "all", "optimizer.optimizer_type": "SGDNesterov"}
NUMBERS = {
    "buckets.width": 576, "buckets.height": 640, "buckets.min_bucket_reso": 320, "buckets.max_bucket_reso": 1152,
    "buckets.bucket_reso_steps": 32, "network.alpha": 4.0, "network.block_size": 8, "optimizer.learning_rate": 2e-4,
    "noise.max_timestep": 900,
}  # fmt: skip
WITH: dict[str, dict[str, Any]] = {
    "noise.adaptive_noise_scale": {"noise.noise_offset": 0.1},
    "noise.noise_offset_random_strength": {"noise.noise_offset": 0.1},
    "noise.multires_noise_discount": {"noise.multires_noise_iterations": 6},
    "noise.ip_noise_gamma_random_strength": {"noise.ip_noise_gamma": 0.1},
    "noise.sigmoid_scale": {"noise.timestep_sampling": "sigmoid"},
    "noise.logit_mean": {"noise.timestep_sampling": "logit_normal"},
    "noise.logit_std": {"noise.timestep_sampling": "logit_normal"},
    "noise.mode_scale": {"noise.timestep_sampling": "mode"},
    "loss.huber_schedule": {"loss.loss_type": "huber"},
    "loss.huber_c": {"loss.loss_type": "huber"},
    "loss.huber_scale": {"loss.loss_type": "smooth_l1", "loss.huber_schedule": "constant"},
    "network.use_tucker": {"network.conv_rank": 4},
    "network.conv_alpha": {"network.conv_rank": 4},
    "network.block_size": {"network.algo": "dylora"},
    "network.factor": {"network.algo": "lokr"},
    "network.decompose_both": {"network.algo": "lokr"},
    "network.full_matrix": {"network.algo": "lokr"},
    "network.constraint": {"network.algo": "diag-oft"},
    "network.wd_on_output": {"network.dora": True},
    "optimizer.text_encoder_lr": {"network.train": "unet + text encoder"},
    "optimizer.lr_warmup_steps": {"optimizer.lr_scheduler": "cosine"},
    "optimizer.lr_decay_steps": {"optimizer.lr_scheduler": "warmup_stable_decay"},
    "optimizer.lr_scheduler_num_cycles": {"optimizer.lr_scheduler": "cosine_with_restarts"},
    "optimizer.lr_scheduler_power": {"optimizer.lr_scheduler": "polynomial"},
    "optimizer.lr_scheduler_timescale": {"optimizer.lr_scheduler": "inverse_sqrt"},
    "optimizer.lr_scheduler_min_lr_ratio": {"optimizer.lr_scheduler": "rex"},
    "optimizer.lr_step_rules": {"optimizer.lr_scheduler": "piecewise_constant"},
    "optimizer.optimizer_class": {"optimizer.optimizer_args": "weight_decay=0.1"},
}
"""Other settings without which one has no effect, or is not allowed."""


def paths() -> list[str]:
    """Every setting of a job, such as "network.blocks.reg_dims"."""
    return [f"{group}.{setting.name}" for group, model in JOB_GROUPS.items() for setting in info(model)]


def another(path: str) -> Any:
    """A value that the setting takes, other than its default; it fails for a text that is not in TEXTS by being 'x'."""
    group, _, name = path.rpartition(".")
    setting = next(one for one in info(JOB_GROUPS[group]) if one.name == name)
    for table in (TEXTS, CHOICES, NUMBERS):
        if path in table:
            return table[path]
    if setting.kind == "choice":
        return next(choice for choice in reversed(setting.choices) if choice != setting.default)
    if setting.kind == "bool":
        return not setting.default
    if setting.kind == "str":
        return "x"
    value = setting.default + 1 if setting.maximum is None or setting.default + 1 <= setting.maximum else None
    if setting.kind == "float":
        small = (setting.step or 0.01) * 2 + setting.default
        return small if setting.maximum is None or small <= setting.maximum else setting.minimum
    return setting.minimum if value is None else value


def job_with(path: str) -> Job:
    """A job in which the setting at `path` has another value, and what it needs beside it."""
    values: dict[str, Any] = {"datasets": {"folder": "a"}, "buckets": {}, "sampling": {}}
    values["training"] = {"gradient_checkpointing": "off"}  # files never tell auto
    for where, value in {**WITH.get(path, {}), path: another(path)}.items():
        *groups, name = where.split(".")
        inner = values
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[name] = value
    first = DatasetSettings(**values["datasets"])
    values["datasets"] = (first, DatasetSettings(folder="b")) if first.is_reg else (first,)
    return Job(**values, dataset_fingerprint="d", model_fingerprint="m")


def label_of(job: Job) -> str:
    """ss_optimizer, as the settings' class would write it, without its package being there."""
    from athanor.training_core.optim import args, names

    module, cls = names.locate(names.named(job.optimizer))
    text = ",".join(f"{key}={value}" for key, value in args.parse(job.optimizer.optimizer_args).items())
    if names.named(job.optimizer) == "SGDNesterov":
        text = "momentum=0.9,nesterov=True"
    return f"{module}.{cls}" + (f"({text})" if text else "")
