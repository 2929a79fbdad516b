"""What people call settings in posts: spellings in English, Chinese and Japanese, by the option of sd-scripts that is meant."""

from __future__ import annotations

import re

from ...settings import JOB_GROUPS, info
from .sd_scripts_words import WORDS

MODEL, FAMILY, KIND, MORE, SAVE_EVERY = "(model)", "family", "(kind of network)", "(more)", "(save every)"
DIM_ALPHA, MIN_MAX, BOTH_RATES, REPEATED_EPOCHS = "(dim/alpha)", "(min/max)", "(both rates)", "(repeats/epochs)"
CONV, PARTS, OWN = "(conv)", "(parts)", "(own) "
PICTURES, TRIGGER, ABOUT, ALTERNATIVE, DECIDED, REST, ARGUMENT = (
    "(pictures)",
    "(trigger)",
    "(about)",
    "(alternative)",
    "(decided)",
    "(rest)",
    "(optimizer) ",
)
"""Names that several settings share, or that say nothing of the training."""

_SPELLINGS = {
    "network_dim": (
        "dim; rank; network dim; network rank; network dimension; network rank dimension; lora rank; lora dim; dimension; "
        "net dim; unet dim; linear rank; linear dim; 维度; 网络维度; 网络大小; 秩; 維度; 網路維度; 次元数; ランク; "
        "ネットワーク次元数; 学习维度"
    ),
    "network_alpha": "alpha; network alpha; lora alpha; net alpha; linear alpha; α; 网络alpha; アルファ",
    "network_args conv_dim": "conv dim; conv rank; convolution dim; convolution rank; conv dimension; 卷积维度; 卷积层维度",
    "network_args conv_alpha": "conv alpha; convolution alpha; 卷积alpha",
    "learning_rate": (
        "lr; learning rate; learn rate; base lr; train lr; training lr; base learning rate; 学习率; 學習率; 学習率; 总学习率"
    ),
    "unet_lr": (
        "unet lr; u-net lr; unet learning rate; u-net learning rate; lr unet; transformer lr; transformer learning rate; dit lr; "
        "unet学习率; u-net学习率; u-net 学习率; unet 学习率; unet學習率; unet学習率"
    ),
    "text_encoder_lr": (
        "te lr; te learning rate; text encoder lr; text encoder learning rate; text lr; textencoder lr; tenc lr; lr te; clip lr; "
        "txt lr; 文本编码器学习率; 文本编码器 学习率; te学习率; 文本編碼器學習率; テキストエンコーダー学習率; "
        "テキストエンコーダ学習率"
    ),
    "lr_scheduler": (
        "scheduler; lr scheduler; learning rate scheduler; schedule; lr schedule; learning rate schedule; 学习率调度器; 调度器; "
        "學習率調度器; スケジューラ; スケジューラー; 学習率スケジューラ; 学习率调度; 学习率策略"
    ),
    "lr_scheduler_num_cycles": (
        "cycle; restart; cycles; lr cycles; restarts; num cycles; number of cycles; lr restarts; restart cycles; number of restarts; "
        "lr number of cycles; scheduler cycles; 重启次数"
    ),
    "lr_warmup_steps": (
        "warmup; warm-up; warmup steps; warm-up steps; lr warmup; lr warmup steps; warmup ratio; lr warmup ratio; lr warmup %; "
        "num warmup steps; "
        "预热步数; 预热; 学习率预热; ウォームアップ"
    ),
    "optimizer_type": "optimizer; optimiser; optim; optimizer type; 优化器; 優化器; 最適化; オプティマイザ; オプティマイザー; 最適化手法",
    "optimizer_args": (
        "optimizer args; optimizer arguments; optimizer extra arguments; optim args; extra args; optimizer parameters; 优化器参数"
    ),
    "train_batch_size": (
        "batch; batch size; batchsize; bs; train batch size; batch size per device; training batch size; 批大小; 批次大小; "
        "批量大小; 批次; 批量; 批處理大小; バッチサイズ; バッチ"
    ),
    "gradient_accumulation_steps": (
        "gradient accumulation; gradient accumulation steps; grad accum; grad acc; gradient accumulate steps; "
        "accumulation steps; ga; 梯度累积; 梯度累积步数; 梯度累加; 勾配累積"
    ),
    "max_train_epochs": (
        "epoch; epochs; max epochs; max train epochs; num epochs; number of epochs; training epochs; train epochs; total epochs; "
        "num train epochs; 轮数; 训练轮数; 最大训练轮数; epoch数; epochs数; 轮次; 训练轮次; 輪數; 訓練輪數; エポック; "
        "エポック数; 学習エポック数"
    ),
    "max_train_steps": (
        "steps; step; max steps; total steps; training steps; max train steps; train steps; target steps; max training steps; "
        "steps total; 步数; 总步数; 训练步数; 最大训练步数; 步數; 訓練步數; ステップ数; 総ステップ数; 学習ステップ数"
    ),
    "dataset_repeats": (
        "repeat; repeats; num repeats; number of repeats; repeats per image; image repeats; dataset repeats; 重复次数; 重复; "
        "每张图片重复次数; 重複次數; 繰り返し; 繰り返し回数; リピート; リピート数; 单图重复次数"
    ),
    "resolution": (
        "resolution; train resolution; training resolution; image resolution; max resolution; size; image size; training size; "
        "res; 分辨率; 训练分辨率; 解析度; 解像度; 学習解像度; 图片尺寸"
    ),
    "seed": "seed; random seed; training seed; 种子; 随机种子; 隨機種子; シード; シード値",
    "clip_skip": "clip skip; clipskip; 跳过层; clip跳过层",
    "noise_offset": "noise offset; offset noise; 噪声偏移; ノイズオフセット",
    "adaptive_noise_scale": "adaptive noise scale; adaptive noise",
    "multires_noise_iterations": (
        "multires noise iterations; multires iterations; multires noise; multires; multi-res noise iterations; "
        "pyramid noise iterations; multires noise iteration"
    ),
    "multires_noise_discount": "multires noise discount; multires discount; multi-res noise discount; pyramid noise discount",
    "min_snr_gamma": "min snr gamma; min-snr gamma; min snr; min-snr; snr gamma; min snr γ; min-snr γ; minsnr; minimum snr gamma",
    "ip_noise_gamma": "ip noise gamma; ip noise; input perturbation noise gamma",
    "mixed_precision": "precision; mixed precision; training precision; dtype; train dtype; 混合精度; 训练精度; 精度",
    "save_precision": "save precision; saved precision; 保存精度",
    "save_every_n_epochs": "save every n epochs; save each epochs; save each n epochs; 每n轮保存",
    "save_every_n_steps": "save every n steps; save each n steps; 每n步保存",
    "shuffle_caption": "shuffle; shuffled; shuffle caption; shuffle captions; shuffle tags; caption shuffle; 打乱标签; 随机打乱标签",
    "keep_tokens": "keep tokens; keep n tokens; keep token; keep first tokens; 保留标签数",
    "caption_dropout_rate": "caption dropout; caption dropout rate; 标签丢弃",
    "caption_tag_dropout_rate": "tag dropout; caption tag dropout; caption tag dropout rate; tag dropout rate",
    "network_dropout": "network dropout; dropout; lora dropout",
    "network_args rank_dropout": "rank dropout",
    "network_args module_dropout": "module dropout",
    "flip_aug": "flip; flip aug; flip augmentation; horizontal flip; flip augment; flip images; 镜像翻转",
    "enable_bucket": (
        "bucket; buckets; bucketing; enable bucket; enable buckets; enable bucketing; aspect ratio bucketing; 分桶; 启用分桶"
    ),
    "bucket_no_upscale": "bucket no upscale; no upscale; don't upscale bucket resolution; dont upscale bucket resolution",
    "min_bucket_reso": "min bucket reso; min bucket resolution; min bucket; minimum bucket resolution; min bucket size",
    "max_bucket_reso": "max bucket reso; max bucket resolution; max bucket; maximum bucket resolution; max bucket size",
    "bucket_reso_steps": "bucket steps; bucket reso steps; bucket resolution steps; bucket step size",
    "gradient_checkpointing": "gradient checkpointing; grad checkpointing; 梯度检查点",
    "cache_latents": "cache latents; latent caching; 缓存潜变量",
    "max_token_length": "max token length; token length; max tokens; token limit",
    "max_grad_norm": "max grad norm; gradient clipping; grad norm",
    "scale_weight_norms": "scale weight norms; max norm; weight norms",
    "loss_type": "loss; loss type; loss function",
    "debiased_estimation_loss": "debiased estimation loss; debiased estimation; debiased loss; debiased",
    "zero_terminal_snr": "zero terminal snr; ztsnr; zsnr",
    "v_parameterization": "v-pred; v pred; vpred; v prediction; v-prediction; v parameterization",
    "timestep_sampling": "timesteps; timestep sampling; timesteps sampling; timestep type",
    f"{OWN}noise.flow_shift": "discrete flow shift; flow shift; shift; timestep shift",
    "guidance_scale": "guidance; guidance scale; distilled guidance",
    "prior_loss_weight": "prior loss weight; prior loss; prior preservation weight",
    "network_args factor": "factor; lokr factor",
    "network_args algo": "algorithm",
    "network_args preset": "preset; lycoris preset; layer preset",
    "train_data_dir": (
        "image folder; images folder; dataset folder; dataset path; train data dir; training folder; image directory; "
        "training data; train folder; 训练集路径; 训练集; 数据集路径"
    ),
    "reg_data_dir": "regularization folder; regularisation folder; reg folder; reg data dir; 正则化数据集路径",
    "output_dir": "output folder; output dir; output directory; output path; 输出路径",
    "logging_dir": "logging folder; log folder; logs folder",
    "output_name": "output name; model output name; lora name; 模型名称",
    "vae": "vae",
    "blocks_to_swap": "blocks to swap; block swap; blockswap",
    "network_weights": "network weights; resume lora; continue from",
    "sample_prompts": "sample prompts; sample prompt; validation prompt",
    "xformers": "attention; cross attention; xformers; sdpa; flash attention",
    "network_module": "network module",
    "lr_scheduler_power": "lr power; scheduler power",
    "caption_extension": "caption file extension; caption format",
    "max_data_loader_n_workers": "max num workers for dataloader; dataloader workers; data loader workers",
    "num_cpu_threads_per_process": "number of cpu threads per core; cpu threads",
    "full_fp16": "full fp16 training; full fp16 training (experimental)",
    "full_bf16": "full bf16 training; full bf16 training (experimental)",
    "color_aug": "color augmentation; colour augmentation",
    "random_crop": "random crop instead of center crop",
    "stop_text_encoder_training": "stop te; stop text encoder",
    "mem_eff_attn": "memory efficient attention",
    "num_processes": "gpus; number of gpus; num gpus",
    "validation_split": "validation; validation set",
    KIND: "network type; lora type; type of network; lora kind; type; 网络类型; lora类型",
    MODEL: (
        "model; base model; base; source model; checkpoint; base checkpoint; training model; train model; pretrained model; "
        "trained on; model used; training base; base model used; trained with; 底模; 基础模型; 训练底模; 模型; 底模型; "
        "ベースモデル; モデル; 学習モデル; 基底モデル"
    ),
    MORE: (
        "network; network settings; lora; settings; training; parameters; training settings; training parameters; length; duration; "
        "noise; caption; captions; captioning; tags; dataset settings; 参数; 训练参数"
    ),
    SAVE_EVERY: "save every; saved every; save each",
    DIM_ALPHA: (
        "dim/alpha; rank/alpha; network dim/alpha; network rank/alpha; dim & alpha; dim and alpha; rank & alpha; rank and alpha; "
        "network dim & alpha; lora rank/alpha; 维度/alpha; network dim / network alpha; dim alpha; rank alpha"
    ),
    MIN_MAX: "min/max bucket resolution; min/max bucket reso; min/max bucket; min/max resolution; bucket resolution; bucket range",
    BOTH_RATES: (
        "unet/te lr; unet lr/te lr; unet/text encoder lr; unet/te; unet/te learning rate; lr unet/te; unet lr / te lr; "
        "unet & te lr"
    ),
    CONV: "convolutions; convolution; conv dim/alpha; conv rank/alpha; conv dim / conv alpha",
    PARTS: "trained; trained parts; train; train parts; training target",
    REPEATED_EPOCHS: "repeats/epochs; repeat/epoch; repeats x epochs",
    PICTURES: (
        "images; image; pictures; training images; number of images; dataset; dataset size; image count; images count; "
        "num images; 图片数; 图片数量; 素材数量; 训练图片; 训练集数量; 画像枚数; 枚数; 教師画像; pics; photos; data; reg images; "
        "regularization images"
    ),
    TRIGGER: (
        "trigger; trigger word; trigger words; activation; activation tag; activation tags; activator; trigger phrase; "
        "trigger word format; trigger token; instance token; instance prompt; 触发词; 觸發詞; トリガー; トリガーワード; keyword"
    ),
    ABOUT: (
        "gpu; vram; training time; time; trainer; tool; trained by; training tool; software; tagging; "
        "tagger; caption; hardware; engine; tags; training duration; loss value; final loss; notes; note; version; date; author; "
        "license; usage; strength; weight; recommended weight; recommended strength; lora weight; lora strength; 显卡; 训练时间; "
        "训练工具; 打标; 标注; train time; graphics card"
    ),
}  # fmt: skip
"""Option of sd-scripts, or one of the names above -> what it is called, with semicolons between."""

_ARGUMENTS = (
    "weight_decay", "betas", "eps", "d_coef", "d0", "decouple", "growth_rate", "use_bias_correction", "safeguard_warmup",
    "relative_step", "scale_parameter", "warmup_init", "momentum", "nesterov", "amsgrad", "beta1", "beta2", "beta3", "slice_p",
    "min_8bit_size", "clip_threshold", "decay_rate", "fused", "split_groups",
)  # fmt: skip
"""Arguments of optimizers, which posts name beside the settings."""
_SAMPLING = (
    "sampling.width",
    "sampling.height",
    "sampling.steps",
    "sampling.cfg",
    "sampling.negative",
    "sampling.scheduler",
)

GENERATION = ("cfgscale", "modelhash", "denoisingstrength", "hiresupscale", "hiresupscaler", "sampler")
"""What the settings of a generated picture have, in small letters without spaces: they are no training."""


def compact(name: str) -> str:
    """Return a name in small letters without spaces and signs: "Network Dim (rank)" and "network_dim-rank" are the same."""
    return re.sub(r"[^\w/&]|_", "", name.lower().replace("γ", "gamma"))


def _keys() -> dict[str, str]:
    found: dict[str, str] = {}
    for option in WORDS:
        found.setdefault(compact(option.rpartition(" ")[2]), option)
    for group, settings in JOB_GROUPS.items():
        for each in info(settings):
            if each.flag in WORDS and f"{group}.{each.name}" not in _SAMPLING:
                found.setdefault(compact(each.name), each.flag or "")
            elif f"{group}.{each.name}" not in _SAMPLING and "_" in each.name:
                found.setdefault(compact(each.name), f"{OWN}{group}.{each.name}")
    del found["isreg"]  # it is of one Dataset Loader, and a list does not tell of which
    found |= {compact(name): f"{ARGUMENT}{name}" for name in _ARGUMENTS}
    for option, spellings in _SPELLINGS.items():
        found |= {compact(spelling): option for spelling in spellings.split(";")}
    return found


KEYS = _keys()
"""A name as `compact` gives it -> option of sd-scripts, or one of the names above."""


def _pattern(names: list[str]) -> re.Pattern[str]:
    """Return what matches any of the names, the longest first, with any spaces and signs between their words."""
    parts = sorted(
        {re.sub(r"[\s_-]+", " ", name.strip().lower()) for name in names if name.strip()}, key=len, reverse=True
    )
    joined = "|".join(r"[\s_.-]*".join(re.escape(word) for word in part.split()) for part in parts)
    return re.compile(rf"(?:(?:{joined})(?![a-z0-9]))", re.IGNORECASE)


_ALL = [
    *(spelling.strip() for spellings in _SPELLINGS.values() for spelling in spellings.split(";")),
    *_ARGUMENTS,
    *(option for option in WORDS if "_" in option and " " not in option),
]
_STARTS = frozenset(re.split(r"[\s_.-]", name.lower())[0][:2] for name in _ALL)
_SPELLED = _pattern(_ALL)


def spelled(text: str, start: int) -> re.Match[str] | None:
    """Return the name of a setting that begins at a place of a text, with or without a colon behind it; None if none does."""
    two = text[start : start + 2].lower()
    return _SPELLED.match(text, start) if two in _STARTS or two[:1] in _STARTS else None
