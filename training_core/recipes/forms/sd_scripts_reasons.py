"""Options of sd-scripts that have no meaning here, each with the reason, and those that there is nothing like here."""

from __future__ import annotations

from ..rules import Meaningless, Vocabulary
from .reasons import ATTENTION, MEMORY, NOT_MERGED, SHOWN, STATE, TRACKER_KEY, lacking

_WORKERS = "Pictures are read and encoded before training; how many threads do it is chosen here."
_LOADING = "ComfyUI loads the model, and decides where its weights lie."
_CACHE = "Encodings are kept in a cache that knows what it was made from; nothing needs to be checked or chosen."
_HUGGINGFACE = "Nothing is uploaded here."
_HUGGINGFACE_SECRET = f"{_HUGGINGFACE} A token or key does not belong in a recipe: renew it if you have passed it on."
_LOG = "The run's own log, curves and pictures are in the sidebar."
_DISTRIBUTED = "Training with several processes is set up here (processes of Train LoRA)."
_DEEPSPEED = "DeepSpeed is not used here: blocks_to_swap and gradient_checkpointing of Train LoRA save memory."
_TOKENIZER = "Text encoders and their tokenizers come with ComfyUI."
_OUTPUT = "Files are saved in ComfyUI's loras folder, under output_name."
_FORMAT = "LoRA files are saved as .safetensors here, the one format without code in it."
_FUSED = "Gradients are kept until the update here: the numbers are those of training without it."
_WHOLE_SAVING = "It says how a whole model's parts are saved; here the file is one that ComfyUI loads."
_LAUNCHER = "Threads, ports and machines of the launcher: ComfyUI runs the training itself."
_PREPARED = "Pictures are looked at again in each run, which is fast; nothing is stored beside them."

_GROUPS: tuple[tuple[str, str], ...] = (
    (
        "xformers mem_eff_attn sdpa diffusers_xformers attn_mode split_attn use_flash_attn use_sage_attn flash_attn",
        ATTENTION,
    ),
    ("max_data_loader_n_workers persistent_data_loader_workers", _WORKERS),
    (
        "cpu_offload_checkpointing unsloth_offload_checkpointing vae_chunk_size vae_disable_cache text_encoder_cpu fp8_vl split_mode "
        "double_blocks_to_swap single_blocks_to_swap blockwise_fused_optimizers fused_optimizer_groups",
        MEMORY,
    ),
    ("lowram highvram disable_mmap_load_safetensors no_half_vae t5xxl_device t5xxl_dtype", _LOADING),
    (
        "skip_cache_check skip_latents_validity_check cache_text_encoder_outputs cache_text_encoder_outputs_to_disk "
        "text_encoder_batch_size use_t5xxl_cache_only",
        _CACHE,
    ),
    ("cache_info", _PREPARED),
    (
        "huggingface_repo_id huggingface_repo_type huggingface_path_in_repo huggingface_repo_visibility save_state_to_huggingface "
        "resume_from_huggingface async_upload",
        _HUGGINGFACE,
    ),
    ("huggingface_token", _HUGGINGFACE_SECRET),
    (
        "wandb_api_key",
        TRACKER_KEY,
    ),
    ("logging_dir log_prefix log_tracker_name wandb_run_name log_tracker_config log_config", _LOG),
    ("save_state save_last_n_epochs_state save_last_n_steps_state", STATE),
    ("ddp_timeout ddp_gradient_as_bucket_view ddp_static_graph", _DISTRIBUTED),
    (
        "deepspeed zero_stage offload_optimizer_device offload_optimizer_nvme_path offload_param_device offload_param_nvme_path "
        "zero3_init_flag zero3_save_16bit_model fp16_master_weights_and_gradients use_deepspeed",
        _DEEPSPEED,
    ),
    ("tokenizer_cache_dir t5_tokenizer_path tokenizer_path", _TOKENIZER),
    ("output_dir", _OUTPUT),
    ("console_log_level console_log_file console_log_simple debug_dataset output_config quiet", SHOWN),
    ("save_model_as use_safetensors", _FORMAT),
    ("fused_backward_pass", _FUSED),
    ("save_clip save_t5xxl mem_eff_save", _WHOLE_SAVING),
    (
        "num_cpu_threads_per_process num_machines main_process_port main_process_ip machine_rank dynamo_backend dynamo_mode "
        "dynamo_use_fullgraph dynamo_use_dynamic gpu_ids rdzv_backend same_network enable_cpu_affinity accelerate_config module cpu mps "
        "use_fsdp same_network tpu",
        _LAUNCHER,
    ),
    (
        "metadata_thumbnail metadata_merged_from metadata_preprocessor metadata_is_negative_embedding",
        "This field is not written into files here; title, author, description, licence, tags, trigger and hint are.",
    ),
    ("masked_loss", "A mask folder in Dataset Loader is enough to leave out what it hides."),
    (
        "enable_preview enable_block_weights enable_base_weight",
        "It opens further fields of the page; what they say is read by itself.",
    ),
    ("epoch", "It is not read by sd-scripts: max_train_epochs or max_train_steps says how long the training is."),
    ("noise_offset_type", "It is a choice of a program's page; what counts are the noise settings themselves."),
    ("repeated", "It is given again further on: the last one counts."),
    ("described", "It describes the recipe, and sets nothing."),
    (
        "easy_name tag_occurrence tag_file_location save_toml save_toml_location",
        "It is about files that the other program keeps.",
    ),
    ("without_preview", "Pictures while training are switched off there."),
    ("lycoris_only", "It is used with LyCORIS' networks alone."),
    ("gpu_ids", _LAUNCHER),
    ("sample_prompts_file", "Its prompts are in the same text."),
    ("accelerate", _LAUNCHER),
    ("sample_batch_size", "Sample pictures are drawn one after the other here."),
    (
        "num_vectors_per_token token_string init_word use_object_template use_style_template weights",
        "Embeddings are not trained here.",
    ),
    (
        "apply_lg_attn_mask",
        "Texts are encoded as ComfyUI does it when it makes pictures, so that training and use agree.",
    ),
    (
        "apply_t5_attn_mask",
        "Texts are encoded as ComfyUI does it when it makes pictures, so that training and use agree.",
    ),
    (
        "t5xxl_max_token_length gemma2_max_token_length qwen3_max_token_length t5_max_token_length",
        "These text encoders read the whole caption here, as they do in ComfyUI.",
    ),
    ("model_version", "What a model is, is seen from its file."),
    (
        "network_multiplier",
        "The network is trained at its full strength, and sd-scripts does not use this for LoRA either.",
    ),
    ("validate_every_n_epochs", "The probe is measured about 20 times in a run, or every validate_every_n_steps."),
    ("max_validation_steps", "How many pictures the probe has is set in Validation Config (probe_samples)."),
    ("skip_until_initial_step", STATE),
    ("accelerator_config_file", _LAUNCHER),
    ("xpu", _LAUNCHER),
    ("controlnet_model_name_or_path", "ControlNets are not trained here."),
)
"""Names, separated by spaces, and why they have no meaning here."""


_LACKING: tuple[tuple[str, str], ...] = (
    ("unfilled", "The text does not say what its variable is: write the value into the node yourself."),
    (
        "in_json metadata_file",
        "It names a JSON file with captions, which is not read here: write them as .txt files beside the pictures.",
    ),
    (
        "base_weights base_weights_multiplier",
        NOT_MERGED,
    ),
    (
        "face_crop_aug_range",
        "There is no crop around faces at random here; crop_anchor focus of Bucketer crops around them.",
    ),
    ("no_token_padding", "Captions are always padded here, as in sd-scripts' LoRA scripts."),
    (
        "stop_text_encoder_training",
        "Text encoders are trained to the end here; text_encoder_lr 0 leaves them as they are.",
    ),
    ("pos_emb_random_crop_rate", "There is no random crop of SD3.5 medium's position embedding here."),
    ("enable_scaled_pos_embed", "Positions are embedded as ComfyUI does it; there is no scaling by resolution here."),
    ("dataset_class", "Custom dataset classes are not loaded: pictures come from a folder."),
    ("num_last_block_to_freeze", "Blocks are chosen by exclude of Network Config here."),
    ("llm_adapter_path", "The adapter comes with Anima's model file here."),
    (
        "llm_adapter_lr self_attn_lr cross_attn_lr mlp_lr mod_lr",
        "Rates of single layers are set by reg_lrs of Block Config here.",
    ),
    ("block_lr", "Rates of blocks are set by Block Config here, as fractions of the learning rate."),
    ("custom_attributes", "Custom attributes of datasets are not used here."),
    (
        "schedulefree_wrapper_args optimizer_schedulefree_wrapper",
        "There is no wrapper that makes other optimizers schedule-free here.",
    ),
    ("perlin_noise", "There is no Perlin noise here."),
    ("fa", "There is no LoRA-FA here, which leaves one half of each pair as it is: both halves are trained."),
    ("initial_epoch initial_step", "A run starts at its first step, or goes on by itself where it was stopped."),
    (
        "system_prompt",
        "Captions are encoded as they are: write this text into caption_prefix of Dataset Loader if it shall be in front.",
    ),
    ("conditioning_data_dir_of_controlnet", "ControlNets are not trained here."),
    (
        "train_text_encoder train_t5xxl",
        "A whole model is trained without its text encoders here; for a network, train of Network Config says what is trained.",
    ),
    (
        "learning_rate_te learning_rate_te1 learning_rate_te2 learning_rate_te3",
        "A whole model is trained without its text encoders here.",
    ),
    ("byt5", "The second text encoder of HunyuanImage: choose it in DualCLIPLoader beside the first."),
    ("dim_from_weights", "LoRA Info shows the rank of the file in network_weights: set it in Network Config."),
    ("resume", "A state of sd-scripts cannot be continued here; network_weights goes on from a saved LoRA."),
    ("cfg_trunc renorm_cfg", "There is no such thing here."),
    (
        "randomly_choice_prompt",
        "Prompts are not chosen at random here; without prompts the first three captions are used.",
    ),
    ("ui_custom_params_unread", "It is no TOML."),
)


def reasons() -> Vocabulary:
    """Return the rules of all these options."""
    found = {name: Meaningless(why=why) for names, why in _GROUPS for name in names.split()}
    return found | {name: lacking(what) for names, what in _LACKING for name in names.split()}
