"""A command of sd-scripts, as people pass it on: its options, and the dataset TOML and the prompts that the same text may hold."""

from __future__ import annotations

from ...errors import shortened
from ..document import Document
from ..rules import Contents, Entry
from . import command_line, sd_scripts_texts, shell_variables
from .sd_scripts_dataset import read_table
from .sd_scripts_told import told
from .sd_scripts_words import WORDS

_SWITCHES_TEXT = """
alpha_mask apply_lg_attn_mask apply_t5_attn_mask async_upload blockwise_fused_optimizers bucket_no_upscale cache_info cache_latents
cache_latents_to_disk cache_text_encoder_outputs cache_text_encoder_outputs_to_disk color_aug console_log_simple
cpu_offload_checkpointing ddp_gradient_as_bucket_view ddp_static_graph debiased_estimation_loss debug_dataset deepspeed
diffusers_xformers dim_from_weights disable_mmap_load_safetensors enable_bucket enable_scaled_pos_embed enable_wildcard flip_aug
fp16_master_weights_and_gradients fp8_base fp8_base_unet fp8_scaled fp8_vl full_bf16 full_fp16 fused_backward_pass
gradient_checkpointing highvram ip_noise_gamma_random_strength log_config lowram masked_loss mem_eff_attn mem_eff_save multi_gpu
network_train_text_encoder_only network_train_unet_only no_half_vae no_metadata no_token_padding noise_offset_random_strength
output_config persistent_data_loader_workers random_crop resume_from_huggingface sample_at_first save_clip save_state
save_state_on_train_end save_state_to_huggingface save_t5xxl scale_v_pred_loss_like_noise_pred sdpa shuffle_caption skip_cache_check
skip_latents_validity_check skip_until_initial_step split_attn split_mode text_encoder_cpu torch_compile train_t5xxl train_text_encoder
unsloth_offload_checkpointing use_8bit_adam use_flash_attn use_lion_optimizer use_safetensors use_sage_attn use_t5xxl_cache_only v2
v_parameterization vae_disable_cache weighted_captions xformers zero3_init_flag zero3_save_16bit_model zero_terminal_snr
"""
SWITCHES = frozenset(_SWITCHES_TEXT.split())
"""Options that take no value."""
MANY = frozenset(
    {
        "network_args",
        "optimizer_args",
        "lr_scheduler_args",
        "text_encoder_lr",
        "base_weights",
        "base_weights_multiplier",
    }
)
"""Options that take any number of values."""
_TEXTS = ("caption_prefix", "caption_suffix", "class_tokens", "caption_extension", "training_comment")
"""Options with a text that would be trained, or saved, as it is: none may have a variable that nothing sets."""
_OURS = frozenset(
    ["script", "family", "datasets", "options", "prompts", "extra_resolutions", "is_reg", "unit", "model_train_type"]
)
"""Words of this vocabulary that are no options."""
_OPTIONS = frozenset(name for name in WORDS if " " not in name) | MANY - _OURS
_LAUNCHER = {"num_processes": "num_processes", "nproc_per_node": "num_processes", "multi_gpu": "multi_gpu"}


def read(document: Document) -> Contents | None:
    """Return what a command says; None where the text has none of sd-scripts."""
    if document.ending in (".toml", ".json", ".yaml", ".yml", ".safetensors"):
        return None
    found = [each for each in command_line.commands(document.text) if _is_ours(each)]
    if not found:
        return None
    given, unread = given_by(found[0])
    unread += [
        (f"{each.script} {' '.join(each.words)}", "The text has several commands: the first one is read.")
        for each in found[1:]
    ]
    if found[0].script:
        unread += [(each, "It stands outside of the command.") for each in command_line.outside(document.text)]
    result = told(given, unread)
    return sd_scripts_texts.with_texts(result, document.text, read_table)


def _is_ours(command: command_line.Command) -> bool:
    """Return whether options of a command are, for the most part, those of sd-scripts."""
    options, _ = command_line.options(command.words, SWITCHES, MANY)
    known = sum(_known(option.name) in _OPTIONS for option in options)
    return known >= (1 if command.script else 2) and 2 * known >= len(options)


def _known(name: str, known: frozenset[str] = _OPTIONS) -> str:
    """Return the option that a name means: itself, or the one that begins so, as argparse takes it; of learning_rate and
    learning_rate_te1, which single scripts have besides, the first.
    """
    if name in known:
        return name
    longer = sorted((option for option in known if option.startswith(name)), key=len)
    return longer[0] if len(name) > 2 and longer and all(each.startswith(longer[0]) for each in longer) else name


def given_by(
    command: command_line.Command, known: frozenset[str] = _OPTIONS, switches: frozenset[str] = SWITCHES
) -> tuple[list[Entry], list[tuple[str, str]]]:
    """Return what a command says, and what could not be read; `known`: the program's options, `switches`: those without a value."""
    options, strays = command_line.options(command.words, switches, MANY)
    why = "It belongs to no option: is there a quotation mark missing around the value before it?"
    unread = [(" ".join(strays), why)] if strays else []
    last = {_known(option.name, known): number for number, option in enumerate(options)}
    given = [Entry(name="script", value=command.script)] if command.script else []
    for number, option in enumerate(options):
        name = _known(option.name, known)
        if last[name] != number:
            given.append(Entry(name="repeated", shown=option.shown.lstrip("-"), value=_value(name, option.values)))
        elif not option.values and name not in switches | MANY and name in known:
            unread.append((option.shown, "No value follows it."))
        else:
            value = _value(name, option.values)
            unfilled = name in _TEXTS and shell_variables.unset(str(value))
            given.append(Entry(name="unfilled" if unfilled else name, shown=option.shown.lstrip("-"), value=value))
    return given + _launcher(command.launcher), unread


def _value(name: str, values: tuple[str, ...]) -> object:
    if name in MANY:
        return list(values)
    return values[0] if values else True


def _launcher(words: tuple[str, ...]) -> list[Entry]:
    """Return the options of accelerate, which come after those of the script: num_processes multiplies one of them."""
    options, _ = command_line.options(
        words, frozenset({"multi_gpu", "m", "cpu", "mps", "tpu", "quiet", "debug", "use_fsdp"}), frozenset()
    )
    given = []
    for option in options:
        value = option.values[0] if option.values else True
        name = _LAUNCHER.get(option.name, "accelerate")
        name = "accelerate_mixed_precision" if option.name == "mixed_precision" else name
        given.append(Entry(name=name, shown=f"{shortened(option.name)} of accelerate", value=value))
    return given
