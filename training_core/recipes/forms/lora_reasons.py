"""Fields of a LoRA file's metadata that have no meaning for another training, each with the reason."""

from __future__ import annotations

from ..rules import Meaningless, Rule
from .reasons import MEMORY

_OWN = "It describes that file, not how it was trained: yours gets words of its own in Train LoRA."
_PICTURES = "It follows from the pictures that are trained on."
_HASH = "It names a file by its content, and nothing is looked up by it."
_SAVED = "It says when this file was saved, not how it was trained."
NOT_USED = "(not used)"
ALIKE = "It is off or at its default there, as it is here."

REASONS: dict[str, Rule] = {
    **dict.fromkeys(
        ("ss_session_id", "ss_training_started_at", "ss_training_finished_at", "ss_sd_scripts_commit_hash", "modelspec.date",
         "modelspec.implementation", "modelspec.implementation_version", "modelspec.sai_model_spec", "ss_adapter_type", "format",
         "software", "version", "name", "training_info", "ot_branch", "ot_revision", "ss_framework", "modelspec.is_negative_embedding"),
        Meaningless(why="It tells who or what made that file, and when."),
    ),
    **dict.fromkeys(("ss_epoch", "ss_steps"), Meaningless(why=_SAVED)),
    **dict.fromkeys(
        ("ss_sd_model_hash", "ss_new_sd_model_hash", "ss_vae_hash", "ss_new_vae_hash", "sshs_model_hash", "sshs_legacy_hash",
         "modelspec.hash_sha256", "athanor_run_id"),
        Meaningless(why=_HASH),
    ),
    **dict.fromkeys(
        ("ss_num_train_images", "ss_num_reg_images", "ss_num_batches_per_epoch", "ss_num_validation_images", "ss_num_train_items",
         "ss_has_control", "ss_bucket_info", "ss_tag_frequency", "ss_masked_loss"),
        Meaningless(why=_PICTURES),
    ),
    **dict.fromkeys(
        ("modelspec.title", "modelspec.author", "modelspec.description", "modelspec.license", "modelspec.tags",
         "modelspec.usage_hint", "modelspec.trigger_phrase", "modelspec.thumbnail", "modelspec.merged_from",
         "modelspec.preprocessor", "ss_training_comment", "ss_output_comment"),
        Meaningless(why=_OWN),
    ),
    "modelspec.encoder_layer": Meaningless(why="ss_clip_skip tells the same."),
    **dict.fromkeys(
        ("ss_lowram", "ss_gradient_checkpointing_cpu_offload", "ss_fp8_llm", "ss_fp8_scaled", "ss_fp8_t5"),
        Meaningless(why=MEMORY),
    ),
    "ss_face_crop_aug_range": Meaningless(
        why="It was not used.",
        unless=lambda value: str(value) not in ("None", ""),
        otherwise="There is no cropping around faces here: crop_anchor focus of Bucketer, with the box in file names, is nearest.",
    ),
    "ss_apply_t5_attn_mask": Meaningless(why="Attention masks of T5 are as ComfyUI's own model has them."),
    "ss_apply_lg_attn_mask": Meaningless(why="Attention masks of CLIP are as ComfyUI's own model has them."),
    "ss_max_validation_steps": Meaningless(why="probe_samples of Validation Config says how many pictures the probe has."),
    "ss_validate_every_n_epochs": Meaningless(why="The probe is measured by steps here: validate_every_n_steps."),
    "ss_dataset_dirs": Meaningless(why="It names no folders, or those of which ss_datasets tells more."),
    "ss_reg_dataset_dirs": Meaningless(why="There were no regularization pictures."),
    NOT_USED: Meaningless(why=ALIKE),
    "ss_network_args": Meaningless(why="It is empty: the network has no further arguments."),
    "ss_datasets": Meaningless(why="It names no folders."),
}  # fmt: skip
"""Field -> why it says nothing here."""
