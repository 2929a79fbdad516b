"""Options of musubi-tuner alone that have no meaning here, each with the reason, and those that there is nothing like here."""

from __future__ import annotations

from ..rules import Meaningless, Vocabulary
from ..values import number
from .reasons import ATTENTION, MEMORY, SHOWN, lacking

_LOADING = "ComfyUI loads models and text encoders as their files are."
_COMPILED = "How a model is compiled is chosen here (torch_compile of Train LoRA)."
_FRAMEPACK = "FramePack and its single frames are not trained here."
_SAMPLES = "It is about sample pictures there; here they are drawn as ComfyUI draws with the model."
_FEATURES = "There is no loss on a further model's view of the picture here."
_SELF_FLOW = "There is no training against the model's own features here."
_LAYERS = "Pictures of several layers are not trained here."
_NOISE_SCALE = 8.0
"""How strong HiDream-O1's noise is in ComfyUI (comfy/supported_models.py), as musubi-tuner has it by itself."""
_GROUPS = (
    ("sage_attn flash3 use_32bit_attention force_nabla_attention nabla_P nabla_wT nabla_wH nabla_wW nabla_method nabla_add_sta "
     "no_nabla_add_sta rope_func", ATTENTION),
    ("use_pinned_memory_for_block_swap block_swap_h2d_only block_swap_ring_size block_swap_optimizer_patch_params "
     "img_in_txt_in_offloading disable_numpy_memmap gradient_checkpointing_cpu_offload offload_inactive_dit vae_cache_cpu vae_tiling "
     "vae_chunk_size vae_spatial_tile_sample_min_size vae_sample_size vae_enable_patch_conv", MEMORY),
    ("dit_dtype vae_dtype text_encoder_dtype fp8_llm fp8_t5 fp8_vl fp8_text_encoder mixed_precision_transformer upcast_quantization "
     "upcast_linear no_vae_load", _LOADING),
    ("compile_backend compile_mode compile_dynamic compile_fullgraph compile_cache_size_limit cuda_allow_tf32 cuda_cudnn_benchmark "
     "dynamo_fullgraph dynamo_dynamic optimized_compile", _COMPILED),
    ("bulk_decode offload_dit_during_sampling scheduler_scale sampler_preset initial_sigma unconditional_dit turbo_dit turbo_dit_cache "
     "use_unconditional_dit_for_lora_sampling validate_caption_structure warn_on_caption_issues", _SAMPLES),
    ("show_timesteps", "Timestep Plot shows them."),
    ("log_loss_stats", SHOWN),
    ("metadata_reso metadata_arch", "Files tell the model and the resolution that were trained."),
    ("clip image_encoder", "It reads the first frame of a video; only still pictures are trained here."),
    ("byt5", "You are asked for this text encoder beside the first one."),
    ("edit edit_plus", "An edit model is known by its file; control pictures come from control_folder of Dataset Loader."),
    ("model_version", "What a model is, is seen from its file."),
    ("ideogram4_timestep_mu ideogram4_timestep_std", "musubi-tuner takes these and does not use them: timestep_sampling decides."),
    ("cache_directory", "Encodings are kept in a cache of their own here."),
    ("i2v_mode target_frames frame_extraction frame_stride frame_sample max_frames source_fps", "Only still pictures are trained here."),
    ("skip_t2i_visual_dummy", "It keeps several processes in step, and does not change what is trained."),
    ("dino_loss_backend dino_loss_model_type dino_loss_layer dino_loss_feature_mode dino_loss_resize dino_loss_use_gram "
     "dino_loss_no_norm dino_loss_every_n_steps", _FEATURES),
    ("self_flow_gamma self_flow_gamma_warmup_steps ema_decay mask_ratio student_feature_layer teacher_feature_layer "
     "self_flow_teacher_coupling_prob self_flow_teacher_coupling_decay "
     "self_flow_teacher_coupling_decay_steps self_flow_teacher_mismatch_ratio network_weights_ema "
     "network_weights_proj", _SELF_FLOW),
    ("of_the_page", "A field of that program's page that is off, or that does not reach its training."),
    ("of_videos", "Only still pictures are trained here: this dataset of videos is left out."),
)  # fmt: skip
"""Names, separated by spaces, and why they have no meaning here."""
_LACKING = (
    ("video_directory video_jsonl_file", "Only still pictures are trained here: this dataset of videos is left out."),
    ("self_flow", _SELF_FLOW),
    ("dino_loss_weight", _FEATURES),
    ("latent_window_size f1 one_frame fp_latent_window_size fp_1f_clean_indices fp_1f_target_index fp_1f_no_post", _FRAMEPACK),
    ("num_layers remove_first_image_from_target multiple_target", _LAYERS),
    ("noise_clip_std", "Noise is not clipped here."),
    ("trainable_modules", "Layers are chosen by include and exclude of Network Config here."),
    ("dit_in_channels", "Models with other inputs than the noisy picture are not trained here."),
    ("force_v2_1_time_embedding", "Wan 2.2 is trained with the time embedding that ComfyUI gives it."),
    ("override_dit", "Choose this file as the diffusion model yourself."),
    ("control_resolution qwen_image_edit_control_resolution", "The size of control pictures follows from control_size of Bucketer."),
)  # fmt: skip


def _other_scale(value: object) -> bool:
    return number(value) != _NOISE_SCALE


def reasons() -> Vocabulary:
    """Return the rules of all these options."""
    found = {name: Meaningless(why=why) for names, why in _GROUPS for name in names.split()}
    for name in ("noise_scale_start", "noise_scale_end"):
        found[name] = Meaningless(
            why="The model's noise has the same strength here.",
            unless=_other_scale,
            otherwise=f"The model's noise is always {_NOISE_SCALE:g} times as strong as others' here, as ComfyUI draws with it.",
        )
    return found | {name: lacking(what) for names, what in _LACKING for name in names.split()}
