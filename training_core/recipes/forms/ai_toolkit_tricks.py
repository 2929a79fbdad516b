"""ai-toolkit's settings that have nothing like them here: which value of each is off, and what is said where it is on."""

from __future__ import annotations

from ..rules import Meaningless, Rule
from .reasons import lacking

_NONE = "There is no such thing here: it is trained without."
_NOISE = "Noise is not changed in this way here: Noise Config has noise_offset, multires_noise_iterations and ip_noise_gamma."
_LOSS = "The loss has no such part here: it is trained without."
_GUIDE = "There is no training with cfg or towards a guidance here: it is trained without."
_CAPTIONS = "There is one caption for a picture here, or one line of several (enable_wildcard of Dataset Loader)."
_VARIED = "Pictures are varied by flip_aug, random_crop and color_aug."
_ADAPTER = "Adapters are not trained here."

_TRAIN: dict[str, tuple[str, object]] = {
    "train_turbo": (_NONE, False), "learnable_snr_gos": (_LOSS, False), "weight_jitter": (_NONE, 0.0), "free_u": (_NONE, False),
    "merge_network_on_save": ("A file is the network alone; Merge LoRAs makes one of several.", False),
    "start_step": ("Steps are counted from 0, or from where a run was stopped.", None),
    "adapter_assist_name_or_path": (_ADAPTER, None), "noise_multiplier": (_NOISE, 1.0), "target_noise_multiplier": (_NOISE, 1.0),
    "random_noise_multiplier": (_NOISE, 0.0), "do_signal_correction_noise": (_NOISE, False),
    "do_batch_noise_correction": (_NOISE, False), "do_signal_amplification": (_NOISE, False), "random_noise_shift": (_NOISE, 0.0),
    "img_multiplier": (_NONE, 1.0), "noisy_latent_multiplier": (_NOISE, 1.0), "latent_multiplier": (_NONE, 1.0),
    "negative_prompt": (_GUIDE, None), "adaptive_scaling_factor": (_NONE, False), "match_noise_norm": (_LOSS, False),
    "short_and_long_captions": (_CAPTIONS, False), "short_and_long_captions_encoder_split": (_CAPTIONS, False),
    "single_item_batching": ("Batches in pieces are gradient_accumulation_steps here.", False),
    "match_adapter_assist": (_ADAPTER, False), "match_adapter_chance": (_ADAPTER, 0.0), "loss_target": (_LOSS, "noise"),
    "inverted_mask_prior": ("Black parts of a mask do not count here.", False), "standardize_images": (_NONE, False),
    "standardize_latents": (_NONE, False), "do_cfg": (_GUIDE, False), "do_random_cfg": (_GUIDE, False), "cfg_scale": (_GUIDE, 1.0),
    "max_cfg_scale": (_GUIDE, 1.0), "cfg_rescale": (_GUIDE, None), "correct_pred_norm": (_LOSS, False),
    "t0_loss_target": ("There is no such target here: model_prediction_type sigma_scaled of Loss Config, which compares the "
        "denoised picture, comes near it.", False),
    "do_fft_loss": (_LOSS, False), "pred_scaler": (_LOSS, 1.0), "prompt_saturation_chance": (_NONE, 0.0),
    "do_prior_divergence": (_LOSS, False), "target_norm_std": (_LOSS, None), "do_paramiter_swapping": (_NONE, False),
    "latent_feature_extractor_path": (_LOSS, None), "diffusion_feature_extractor_path": (_LOSS, None),
    "optimal_noise_pairing_samples": (_NOISE, 1), "force_consistent_noise": (_NOISE, False), "blended_blur_noise": (_NOISE, False),
    "do_guidance_loss": (_GUIDE, False), "do_differential_guidance": (_GUIDE, False), "do_blank_stabilization": (_LOSS, False),
    "max_loss": (_LOSS, None), "train_refiner": ("A refiner is trained as a model of its own.", True),
    "validation_config": ("The probe of Validation Config measures the loss on pictures of the dataset.", None),
    "use_linear_denoising": (_NONE, False), "use_progressive_denoising": (_NONE, False),
}  # fmt: skip
"""Name in `train` -> what is said where it is on, and its default."""
_BELONGS = (
    "show_turbo_outputs merge_network_on_save_strength adapter_assist_type batch_noise_correction_scale "
    "signal_amplification_strength signal_correction_noise_scale max_negative_prompts inverted_mask_prior_multiplier "
    "correct_pred_norm_multiplier t0_velocity_equiv_weight do_fft_velocity_equiv_weight target_norm_std_value "
    "next_sample_timesteps paramiter_swapping_factor latent_feature_loss_weight diffusion_feature_extractor_weight "
    "guidance_loss_target do_guidance_loss_cfg_zero guidance_loss_schedule unconditional_prompt differential_guidance_scale "
    "audio_loss_multiplier max_loss_debug refiner_lr embedding_lr adapter_lr"
)
_DATASETS: dict[str, tuple[str, object]] = {
    "batch_size": ("All folders have the batch_size of Bucketer.", None), "type": ("Folders hold pictures and captions here.", "image"),
    "random_triggers": ("enable_wildcard of Dataset Loader picks one of {a|b|c} in captions.", None),
    "random_scale": ("Pictures are not scaled at random here.", False), "scale": ("Pictures are scaled to their bucket here.", 1.0),
    "prior_reg": ("Regularization pictures are trained as they are here (is_reg).", False),
    "network_weight": ("The network has the same strength for all folders here.", 1.0),
    "flip_y": ("Pictures are not turned upside down here.", False), "augments": (_VARIED, None),
    "augmentations": (_VARIED, None),
    "inpaint_path": ("Masks are chosen as mask_folder here.", None), "unconditional_path": (_GUIDE, None),
    "invert_mask": ("White parts of a mask count, black ones do not: invert the masks.", False),
    "use_short_captions": (_CAPTIONS, False), "standardize_images": (_NONE, False),
    "clip_image_path": (_ADAPTER, None), "clip_image_from_same_folder": (_ADAPTER, False), "clip_image_augmentations": (_ADAPTER, None),
    "replacements": ("Captions are used as they are in their files.", None),
    "loss_multiplier": ("Folders count the same, but regularization pictures (prior_loss_weight).", 1.0),
    "controls": ("Control pictures are files here, in control_folder.", None),
    "control_from_same_folder": ("Control pictures are files of the same names here, in control_folder.", False),
    "do_i2v": ("Models that go on from a picture are not trained here.", False), "do_audio": ("No sound is trained.", False),
    "diff_output_preservation": ("Regularization pictures (is_reg) keep what the model knows.", False), "poi": (_NONE, None),
    "in_context": (_NONE, False),
}  # fmt: skip
"""Name in `datasets` -> what is said where it is on, and its default."""
_FRAMES = "num_frames shrink_video_to_frames fps auto_frame_count trim_auto_frame_count_tail audio_preserve_pitch audio_normalize"
_LOADED = "num_workers prefetch_factor cache_latents_num_workers fast_image_size debug load_image_when_caching_latents replay_transforms"
_PARTS = (
    "random_triggers_max diff_output_preservation_class shuffle_augmentations clip_image_shuffle_augmentations guidance_type "
    "extra_values num_controls_from_same_folder control_transparent_color cache_clip_vision_to_disk cache_tensors_to_disk"
)
TRICK_WORDS: dict[str, Rule] = {
    **{f"train.{name}": lacking(sentence, default) for name, (sentence, default) in _TRAIN.items()},
    **{
        f"train.{name}": Meaningless(why="It belongs to a setting that is off or not there.")
        for name in _BELONGS.split()
    },
    **{f"datasets.{name}": lacking(sentence, default) for name, (sentence, default) in _DATASETS.items()},
    **{
        f"datasets.{name}": Meaningless(why="Video models are trained on still pictures here.")
        for name in _FRAMES.split()
    },
    **{f"datasets.{name}": Meaningless(why="How files are loaded is chosen by itself.") for name in _LOADED.split()},
    **{
        f"datasets.{name}": Meaningless(why="It belongs to a setting that is off or not there.")
        for name in _PARTS.split()
    },
}
"""Rules of what is either off or not possible."""
