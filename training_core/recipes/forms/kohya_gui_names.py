"""The kohya GUI's fields that sd-scripts calls otherwise, those of single kinds of networks and models, and those of the GUI alone."""

from __future__ import annotations

RENAMED = {
    "max_resolution": "resolution",
    "optimizer": "optimizer_type",
    "caption_extention": "caption_extension",
    "cache_latent": "cache_latents",
    "lora_network_weights": "network_weights",
    "sdxl_no_half_vae": "no_half_vae",
    "stop_text_encoder_training_pct": "stop_text_encoder_training",
    "blockwise_fused_optimizer": "blockwise_fused_optimizers",
    "flux1_clip_l": "clip_l",
    "flux1_t5xxl": "t5xxl",
    "batch_size": "train_batch_size",
    "image_folder": "train_data_dir",
    "model_output_name": "output_name",
}
"""Name in the GUI, of whichever year -> option of sd-scripts."""

MEMBERS = {
    "conv_dim": "conv_dim",
    "conv_alpha": "conv_alpha",
    "conv_dims": "conv_block_dims",
    "conv_alphas": "conv_block_alphas",
    "LyCORIS_preset": "preset",
    "unit": "block_size",
    "factor": "factor",
    "use_cp": "use_tucker",
    "constrain": "constraint",
    **{
        name: name
        for name in (
            "use_tucker", "use_scalar", "rank_dropout", "rank_dropout_scale", "module_dropout", "bypass_mode", "dora_wd", "rescaled",
            "train_norm", "train_on_input", "decompose_both", "down_lr_weight", "mid_lr_weight", "up_lr_weight",
            "block_lr_zero_threshold", "block_dims", "block_alphas", "conv_block_dims", "conv_block_alphas", "img_attn_dim",
            "img_mlp_dim", "img_mod_dim", "single_dim", "txt_attn_dim", "txt_mlp_dim", "txt_mod_dim", "single_mod_dim", "in_dims",
            "train_double_block_indices", "train_single_block_indices", "split_qkv", "train_t5xxl", "train_blocks",
            "enable_all_linear", "ggpo_beta", "ggpo_sigma", "loraplus_lr_ratio", "loraplus_unet_lr_ratio",
            "loraplus_text_encoder_lr_ratio",
        )
    },
}  # fmt: skip
"""Field of the GUI -> argument of the network."""

_CONV = ("conv_dim", "conv_alpha")
_BLOCKS = (
    "down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold", "block_dims", "block_alphas", "conv_block_dims",
    "conv_block_alphas", "conv_dims", "conv_alphas",
)  # fmt: skip
_DROPOUT = ("rank_dropout", "module_dropout")
_PLUS = ("loraplus_lr_ratio", "loraplus_unet_lr_ratio", "loraplus_text_encoder_lr_ratio")
_LYCORIS = ("LyCORIS_preset", *_CONV, *_DROPOUT, "train_norm", "rank_dropout_scale")
_TUCKER = ("use_cp", "use_tucker")
_FLUX = (
    "img_attn_dim", "img_mlp_dim", "img_mod_dim", "single_dim", "txt_attn_dim", "txt_mlp_dim", "txt_mod_dim", "single_mod_dim",
    "in_dims", "train_double_block_indices", "train_single_block_indices", "split_qkv", "train_t5xxl", "train_blocks",
)  # fmt: skip
_MORE = ("bypass_mode", "dora_wd", "use_scalar")

TYPES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "standard": ("networks.lora", "", (*_BLOCKS, *_DROPOUT)),
    "kohya locon": ("networks.lora", "", (*_CONV, *_BLOCKS, *_DROPOUT)),
    "lora-fa": ("networks.lora_fa", "", (*_BLOCKS, *_DROPOUT)),
    "kohya dylora": ("networks.dylora", "", (*_CONV, *_BLOCKS, *_DROPOUT, "unit")),
    "kohya loha": ("networks.loha", "", (*_CONV, *_TUCKER, *_DROPOUT)),
    "kohya lokr": ("networks.lokr", "", (*_CONV, *_TUCKER, *_DROPOUT, "factor")),
    "lycoris/locon": ("lycoris.kohya", "locon", (*_LYCORIS, *_TUCKER, *_MORE)),
    "lycoris/loha": ("lycoris.kohya", "loha", (*_LYCORIS, *_TUCKER, *_MORE)),
    "lycoris/lokr": ("lycoris.kohya", "lokr", (*_LYCORIS, *_TUCKER, *_MORE, "factor", "decompose_both")),
    "lycoris/glora": ("lycoris.kohya", "glora", (*_LYCORIS, *_TUCKER)),
    "lycoris/ia3": ("lycoris.kohya", "ia3", ("LyCORIS_preset", *_CONV, "train_on_input")),
    "lycoris/dylora": ("lycoris.kohya", "dylora", (*_LYCORIS, *_TUCKER, "unit")),
    "lycoris/boft": ("lycoris.kohya", "boft", (*_LYCORIS, *_TUCKER)),
    "lycoris/diag-oft": ("lycoris.kohya", "diag-oft", (*_LYCORIS, *_TUCKER, "constrain", "rescaled")),
    "lycoris/native fine-tuning": (
        "lycoris.kohya", "full", ("LyCORIS_preset", *_DROPOUT, "rank_dropout_scale", "train_norm"),
    ),
    "flux1": ("networks.lora_flux", "", (*_FLUX, *_DROPOUT, "ggpo_beta", "ggpo_sigma")),
    "flux1 oft": ("networks.oft_flux", "", ("enable_all_linear",)),
    "hunyuanimage-2.1": ("networks.lora_hunyuan_image", "", _DROPOUT),
    "anima": ("networks.lora_anima", "", _DROPOUT),
    "lumina": ("networks.lora_lumina", "", _DROPOUT),
}  # fmt: skip
"""LoRA_type in small letters -> module of sd-scripts, algo among its arguments, and the fields that are handed on as such."""
OF_ALL_TYPES = _PLUS
"""Fields that are handed on with every kind of network."""

SCRIPTS = {
    "sdxl": "sdxl_train_network.py",
    "sdxl_checkbox": "sdxl_train_network.py",
    "flux1_checkbox": "flux_train_network.py",
    "sd3_checkbox": "sd3_train_network.py",
    "hunyuan_image_checkbox": "hunyuan_image_train_network.py",
    "anima_checkbox": "anima_train_network.py",
    "lumina_checkbox": "lumina_train_network.py",
}
"""Switch for a kind of model -> the script that trains a network for it."""

_OTHERS = {
    "flux1": (
        "ae clip_l t5xxl discrete_flow_shift model_prediction_type timestep_sampling split_mode t5xxl_max_token_length "
        "guidance_scale mem_eff_save apply_t5_attn_mask cpu_offload_checkpointing single_blocks_to_swap double_blocks_to_swap "
        "model_type fp8_base_unet t5xxl_lr"
    ),
    "sd3": (
        "clip_g clip_g_dropout_rate logit_mean logit_std mode_scale pos_emb_random_crop_rate save_clip save_t5xxl t5xxl_device "
        "t5xxl_dtype weighting_scheme"
    ),
}
MODELS: dict[str, tuple[str, ...]] = {name: (kind,) for kind, names in _OTHERS.items() for name in names.split()} | {
    "t5xxl_lr": ("flux1", "sd3"),
    "blocks_to_swap": ("flux1", "sd3", "hunyuan_image", "anima", "lumina"),
}
"""Field that is handed on for these kinds of models alone -> the beginnings of their switches' names."""

PREFIXES = {
    "sdxl_": "sdxl",
    "flux1_": "flux1",
    "flux_": "flux1",
    "sd3_": "sd3",
    "hunyuan_image_": "hunyuan_image",
    "hunyuan_": "hunyuan_image",
    "anima_": "anima",
    "lumina_": "lumina",
}
"""How the fields of a kind of model begin; without it they have the option's name."""

GUI_ONLY = (
    "model_list", "save_as", "save_as_bool", "save_as_checkbox", "headless", "print_only", "file_path", "train",
    "show_timesteps", "show_timesteps_resolution", "create_caption", "create_buckets", "full_path", "train_dir",
    "use_latent_files", "caption_metadata_filename", "latent_metadata_filename",
)  # fmt: skip
"""Fields about the GUI itself."""

OFF_AT_ZERO = frozenset((
    "clip_skip", "min_snr_gamma", "noise_offset", "multires_noise_iterations", "adaptive_noise_scale", "ip_noise_gamma",
    "max_train_epochs", "max_train_steps", "save_every_n_epochs", "save_every_n_steps", "save_last_n_steps", "save_last_n_epochs",
    "save_last_n_steps_state", "save_last_n_epochs_state", "seed", "vae_batch_size", "min_timestep", "max_timestep",
    "v_pred_like_loss", "stop_text_encoder_training", "sample_every_n_epochs", "sample_every_n_steps", "scale_weight_norms",
    "network_dropout", "keep_tokens", "caption_dropout_rate", "caption_dropout_every_n_epochs", "blocks_to_swap",
    "single_blocks_to_swap", "double_blocks_to_swap", "max_data_loader_n_workers", "main_process_port", "lr_warmup_steps",
    "lr_warmup", "rank_dropout", "module_dropout", "loraplus_lr_ratio", "loraplus_unet_lr_ratio", "t5xxl_lr", "t5_dropout_rate",
    "loraplus_text_encoder_lr_ratio", "constrain", "ggpo_beta", "ggpo_sigma", "clip_l_dropout_rate", "clip_g_dropout_rate",
    "vae_chunk_size", "block_lr_zero_threshold",
))  # fmt: skip
"""Fields of which 0 means that they are not used."""

SAID_WHEN_OFF = frozenset(("enable_bucket",))
"""Switches that are on here unless they are switched off."""
NO_EFFECT = {"clip_skip": "1", "train_blocks": "all", "factor": "-1", "num_processes": "1", "num_machines": "1"}
"""Fields of which a value, other than 0, changes nothing: it is what happens without the field."""
