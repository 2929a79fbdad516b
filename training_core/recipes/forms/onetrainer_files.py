"""OneTrainer's words for its pictures (concepts), sample pictures, files that it saves, and the machine."""

from __future__ import annotations

import re
from typing import Any

from ..rules import Meaningless, NoMeaning, Paths, Rule, Said, Same, Turned
from ..values import number, number_format, switch, whole
from .nested import above_zero, only_if, stem
from .onetrainer_models import finetunes, kind
from .onetrainer_training import TRAINING_WORDS

_TIMES = ("SECOND", "MINUTE", "HOUR", "ALWAYS")
_SAMPLERS = {
    "DDIM": ("ddim", "ddim_uniform"),
    "EULER": ("euler", "normal"),
    "EULER_A": ("euler_ancestral", "normal"),
    "DPMPP": ("dpmpp_2m", "normal"),
    "DPMPP_SDE": ("dpmpp_2m_sde", "normal"),
    "UNIPC": ("uni_pc", "normal"),
    "EULER_KARRAS": ("euler", "karras"),
    "DPMPP_KARRAS": ("dpmpp_2m", "karras"),
    "DPMPP_SDE_KARRAS": ("dpmpp_2m_sde", "karras"),
    "UNIPC_KARRAS": ("uni_pc", "karras"),
}


def _tenth(said: Said) -> int:
    """Return the interval in epochs of about ten files or pictures in a run."""
    return max(1, round(number(said.get("epochs") or 100) / 10))


def _saved(_: Any, said: Said) -> Paths:
    count, unit = said.get("save_every", 0), said.get("save_every_unit", "NEVER")
    if unit == "EPOCH" and number(count) > 0:
        return {"training.save_every_n_epochs": whole(count)}
    if unit == "STEP" and number(count) > 0:
        return {"training.save_every_n_epochs": 0, "training.save_every_n_steps": whole(count)}
    # Whole models are large, so of those only the last one is saved, as OneTrainer does.
    return {"training.save_every_n_epochs": 0 if finetunes(said) else _tenth(said)}


def _drawn(_: Any, said: Said) -> Paths:
    count, unit = said.get("sample_after", 10), said.get("sample_after_unit", "MINUTE")
    if unit == "EPOCH" and number(count) > 0:
        return {"sampling.sample_every_n_epochs": whole(count)}
    if unit == "STEP" and number(count) > 0:
        return {"sampling.sample_every_n_epochs": 0, "sampling.sample_every_n_steps": whole(count)}
    if unit in _TIMES:
        return {"sampling.sample_every_n_epochs": _tenth(said)}
    return {"sampling.sample_every_n_epochs": 0, "sampling.sample_every_n_steps": 0}


def _samples(value: Any, said: Said) -> Paths:
    only_if(
        isinstance(value, list) and bool(value),
        "The samples are in a file of their own: choose it together with this one.",
    )
    lines = [str(each) for each in value]
    if kind(said).guided:  # what OneTrainer calls cfg is the guidance that the model is told
        lines = [re.sub(r"--l [\d.]+", "--l 1", line) for line in lines]
    return {"sampling.sample_prompts": "\n".join(lines)}


def _sampler(value: Any, said: Said) -> Paths:
    only_if(not kind(said).flow or "model_type" not in said, "Flow models are sampled with euler there, as here.")
    if value not in _SAMPLERS:
        raise ValueError("This sampler is not known here: euler is used.")
    sampler, scheduler = _SAMPLERS[str(value)]
    return {"sampling.sampler_name": sampler, "sampling.scheduler": scheduler}


def _name(value: Any, _: Said) -> Paths:
    return {"training.output_name": stem(value)} if stem(value) else {}


def _output_format(value: Any, _: Said) -> Paths:
    found = number_format(value, "float")
    if not found:
        raise ValueError("Files are saved in fp16, bf16 or float here: fp16 is used.")
    return {"training.save_precision": found}


def _arithmetic(value: Any, _: Said) -> Paths:
    found = number_format(value, "no")
    if not found:
        raise ValueError("The model computes in fp16, bf16 or float32 here: the format is chosen by itself.")
    return {"training.mixed_precision": found}


def _validation(value: Any, _: Said) -> Paths:
    only_if(switch(value), "Off: the probe uses training pictures.")
    return {"validation.validation_split": 0.1}


def _validated(value: Any, said: Said) -> Paths:
    only_if(switch(said.get("validation", False)), "The validation is off.")
    if said.get("validate_after_unit", "EPOCH") == "STEP":
        return {"validation.validate_every_n_steps": whole(value)}
    raise NoMeaning("The probe is measured about 20 times in the run; validate_every_n_steps sets another interval.")


def _repeats(value: Any, _: Said) -> Paths:
    times = number(value)
    if times != int(times) or times < 1:
        raise ValueError("Each picture is used once or several times in an epoch, not in part: it is used once or as often as the whole "
                         "number below.")  # fmt: skip
    return {"datasets.repeats": int(times)}


def _type(value: Any, _: Said) -> Paths:
    if value == "PRIOR_PREDICTION":
        return {"datasets.is_reg": True}
    raise NoMeaning("Pictures with captions.")


def _colours(value: Any, _: Said) -> Paths:
    only_if(switch(value), "It is off.")
    return {"datasets.color_aug": True}


def _off(otherwise: str) -> Rule:
    return Meaningless(why="It is off.", unless=switch, otherwise=otherwise)


_VARIATIONS = Meaningless(why="Pictures and captions are varied anew in every epoch here.")
_STRENGTH = Meaningless(why="It belongs to a change of the pictures; color_aug has a strength of its own.")
_LISTED = "Tags that are dropped, or never dropped, cannot be listed here; keep_tokens protects the first."
_ONE_SIZE = (
    "One folder with a size of its own is not possible here: set width and height of Bucketer, or extra_resolutions."
)
_CONCEPTS: dict[str, Rule] = {
    "": Meaningless(why="The folders are in a file of their own (concept_file_name): choose it together with this one."),
    "off": Meaningless(why="This concept is switched off."),
    "others": Meaningless(why="Names, counts and versions; pictures and captions are varied anew in every epoch."),
    "validation": Meaningless(why="A folder for the validation alone: here a part of all pictures is held out (validation_split)."),
    "__version": Meaningless(why="The version of OneTrainer's file."),
    "name": Meaningless(why="A name for reading."),
    "path": Same(path="datasets.folder"),
    "enabled": Meaningless(why="It is on."),
    "seed": Meaningless(why="One seed of the run counts, seed of Train LoRA."),
    "type": Turned(to=_type, why="Pictures that keep what the model knows are regularization pictures here."),
    "validation_concept": Meaningless(why="It is off."),
    "include_subdirectories": Same(path="datasets.nested_folders"),
    "image_variations": _VARIATIONS,
    "text_variations": _VARIATIONS,
    "balancing REPEATS": Turned(to=_repeats, why="How often each picture is used in an epoch.", same=True),
    "balancing SAMPLES": Meaningless(
        why="", unless=lambda _: True, otherwise="A number of pictures in an epoch is not possible here: set repeats of Dataset Loader."
    ),
    "balancing_strategy": Meaningless(why="It says what balancing means."),
    "loss_weight": Meaningless(
        why="1: all folders count the same.",
        unless=lambda value: number(value) != 1,
        otherwise="Folders count the same here, by their pictures and repeats; only regularization pictures have a weight of their own.",
    ),
    "concept_stats": Meaningless(why="What OneTrainer has counted in the folder."),
    "image.__version": Meaningless(why="The version of OneTrainer's file."),
    "image off": Meaningless(why="These changes of the pictures are off, or belong to one that is."),
    "image.enable_crop_jitter": Turned(
        to=lambda value, _: {"datasets.random_crop": True} if switch(value) else {},
        why="The picture is cropped at a random place: one of four, drawn anew in every epoch.",
    ),
    "image.enable_random_flip": Same(path="datasets.flip_aug"),
    **{
        f"image.enable_{how}_{what}": Turned(to=_colours, why="color_aug shifts colours slightly in a third of the samples.")
        for how in ("random", "fixed")
        for what in ("brightness", "contrast", "saturation", "hue")
    },
    **{f"image.random_{what}_max_strength": _STRENGTH for what in ("brightness", "contrast", "saturation", "hue")},
    "image.enable_fixed_flip": _off("Mirror the pictures before training; flip_aug mirrors half of them."),
    "image.enable_random_rotate": _off("Pictures are not rotated here: rotate them before training."),
    "image.enable_fixed_rotate": _off("Pictures are not rotated here: rotate them before training."),
    "image.random_rotate_max_angle": Meaningless(why="It belongs to rotating pictures."),
    "image.enable_resolution_override": Meaningless(why="It says whether resolution_override counts."),
    "image.resolution_override all": TRAINING_WORDS["resolution"],
    "image.resolution_override": Meaningless(why="", unless=lambda _: True, otherwise=_ONE_SIZE),
    "image.enable_random_circular_mask_shrink": _off("Masks are used as they are here."),
    "image.enable_random_mask_rotate_crop": _off("Masks are used as they are here; crop_anchor focus crops to the mask."),
    "text.__version": Meaningless(why="The version of OneTrainer's file."),
    "text off": Meaningless(why="These changes of the captions are off, or belong to one that is."),
    "text.prompt_source": Meaningless(
        why="Captions are in a text file beside each picture, as here.",
        unless=lambda value: value != "sample",
        otherwise="Captions are in a text file beside each picture here: write one for each, or set class_tokens of Dataset Loader.",
    ),
    "text.prompt_path": Meaningless(why="It is for captions from one file."),
    "text.enable_tag_shuffling": Same(path="datasets.shuffle_caption"),
    "text.tag_delimiter": Turned(
        to=lambda value, _: {"datasets.caption_separator": str(value).strip() or str(value)},
        why="Without the spaces around it, which are added again.",
        same=True,
    ),
    "text.keep_tags_count": Same(path="datasets.keep_tokens"),
    "text.tag_dropout_enable": Meaningless(why="It says whether the chance of a dropout counts."),
    "text.tag_dropout_mode": Meaningless(why="It says what is dropped: the caption (FULL) or single tags."),
    "text.tag_dropout_probability FULL": Same(path="datasets.caption_dropout_rate"),
    "text.tag_dropout_probability RANDOM": Same(path="datasets.caption_tag_dropout_rate"),
    "text.tag_dropout_probability RANDOM WEIGHTED": Turned(
        to=lambda value, _: {"datasets.caption_tag_dropout_rate": value},
        why="The chance is the same for all tags here; there it grows towards the end of the caption.",
    ),
    "text.tag_dropout_special_tags_mode": _off(_LISTED),
    "text.tag_dropout_special_tags": _off(_LISTED),
    "text.tag_dropout_special_tags_regex": Meaningless(why="It belongs to tag_dropout_special_tags."),
    "text.caps_randomize_enable": _off("Upper and lower case are not changed here: captions are used as they are."),
    "text.caps_randomize_mode": Meaningless(why="It belongs to caps_randomize_enable."),
    "text.caps_randomize_probability": Meaningless(why="It belongs to caps_randomize_enable."),
    "text.caps_randomize_lowercase": Meaningless(why="It belongs to caps_randomize_enable."),
}  # fmt: skip
_SAVED = Turned(
    to=_saved, why="In epochs or steps; instead of never or of minutes, about ten files that can be compared."
)
_DRAWN = Turned(to=_drawn, why="In epochs or steps; instead of minutes, about ten times in the run.")
_ELSEWHERE = Meaningless(why="A folder of the other computer; runs and caches have their places in ComfyUI's folders.")
_CURVES = Meaningless(
    why="The page shows loss and learning rates; log_with of Train LoRA writes them for TensorBoard, too."
)
_DEVICES = Meaningless(why="Device, memory and threads are chosen by themselves, here by ComfyUI.")
_BACKUPS = Meaningless(why="A stopped run goes on from its last step by itself; its state is kept.")
_GPUS = Meaningless(why="It is for training on several graphics cards.")
FILE_WORDS: dict[str, Rule] = {
    "__version": Meaningless(why="The version of OneTrainer's file."),
    "concept_file_name": Meaningless(why="The file with OneTrainer's folders; if they are not in this file, import that one "
        "together with it."),
    **{
        f"concepts {name}".rstrip() if name in ("", "off", "others", "validation") else f"concepts.{name}": rule
        for name, rule in _CONCEPTS.items()
    },
    "masked_training": Meaningless(
        why="It is off.",
        unless=switch,
        otherwise="OneTrainer has masks as name-masklabel.png beside name.png: put them under the pictures' own names into one folder, and "
        "choose it as mask_folder of Dataset Loader.",
    ),
    "circular_mask_generation": _off("Masks are used as they are here."),
    "random_rotate_and_crop": _off("Pictures are not rotated here: rotate them before training."),
    "unmasked_probability": Meaningless(why="Where there is a mask, it is used in every step here."),
    "unmasked_weight": Meaningless(why="Black parts of a mask do not count here; grey ones count by their brightness."),
    "normalize_masked_area_loss": Meaningless(why="The loss is the mean over the whole picture here."),
    "masked_prior_preservation_weight": Meaningless(
        why="0: it is off.", unless=above_zero, otherwise="There is no such thing here for black parts of a mask."
    ),
    "custom_conditioning_image": _off("Pictures that an inpainting model is given are made from the mask here."),
    "sample_definition_file_name": Meaningless(why="The file with OneTrainer's samples; if they are not in this file, import that "
        "one together with it."),
    "samples": Turned(to=_samples, why="Prompts as lines, with size, seed, cfg and steps behind each."),
    "samples.noise_scheduler": Turned(to=_sampler, why="Sampler and scheduler by ComfyUI's names."),
    "samples off": Meaningless(why="These samples are switched off."),
    "samples others": Meaningless(why="Samples have a size, a seed, cfg and steps here."),
    "sample_after": _DRAWN,
    "sample_after_unit": _DRAWN,
    "sample_skip_first": Turned(
        to=lambda value, _: {"sampling.sample_at_first": not number(value or 0)}, why="0: pictures are also drawn before training."
    ),
    "sample_image_format": Meaningless(why="Pictures are saved as PNG."),
    "sample_video_format": Meaningless(why="No videos are made."),
    "sample_audio_format": Meaningless(why="No sound is made."),
    "samples_to_tensorboard": _CURVES,
    "non_ema_sampling": Meaningless(why="Samples show the network itself; the average is a file of its own."),
    "save_every": _SAVED,
    "save_every_unit": _SAVED,
    "save_skip_first": Meaningless(
        why="0: files are saved from the start.", unless=above_zero, otherwise="Files are saved from the start here."
    ),
    "save_filename_prefix": Meaningless(why="Files are called as output_name, with the epoch behind."),
    "output_model_destination": Turned(to=_name, why="The name of the file; it is saved in ComfyUI's loras folder."),
    "output_model_format": Meaningless(why="Files have the form that ComfyUI loads; save_diffusers_copy adds one for diffusers."),
    "output_dtype": Turned(to=_output_format, why="The number format of the saved file."),
    "train_dtype": Turned(to=_arithmetic, why="The number format of the arithmetic."),
    "include_train_config": Meaningless(why="Files tell their settings; metadata of Train LoRA says how much."),
    "prevent_overwrites": Meaningless(why="Files of another run are never overwritten, unless overwrite of Train LoRA is on."),
    "validation": Turned(to=_validation, why="In place of a folder of its own, one picture in ten is held out."),
    "validate_after": Turned(to=_validated, why="The interval of the probe."),
    "validate_after_unit": Meaningless(why="It belongs to validate_after."),
    "compile": Same(path="training.torch_compile"),
    "force_circular_padding": _off("There is no special training for seamless pictures here."),
    "multi_gpu": _off("For several graphics cards set processes of Train LoRA to their number."),
    **dict.fromkeys(("device_indexes", "gradient_reduce_precision", "fused_gradient_reduce", "async_gradient_reduce",
                     "async_gradient_reduce_buffer"), _GPUS),
    **dict.fromkeys(("tensorboard", "tensorboard_expose", "tensorboard_always_on", "tensorboard_port"), _CURVES),
    **dict.fromkeys(("debug_dir", "workspace_dir", "cache_dir", "huggingface_cache_dir"), _ELSEWHERE),
    **dict.fromkeys(("continue_last_backup", "backup_after", "backup_after_unit", "rolling_backup", "rolling_backup_count",
                     "backup_before_save"), _BACKUPS),
    **dict.fromkeys(("dataloader_threads", "train_device", "temp_device", "enable_autocast_cache", "attention_mechanism",
                     "fallback_train_dtype", "debug_mode", "offline_mode"), _DEVICES),
    **dict.fromkeys(("latent_caching", "clear_cache_before_training", "only_cache", "latent_caching_epochs"),
                    Meaningless(why="Pictures are encoded once, and the encodings are kept for the next run.")),
    "cloud": Meaningless(why="Renting a machine for the training is not part of a graph."),
    "secrets": Meaningless(why="Passwords and keys are not read."),
}  # fmt: skip
"""Rules of what is said of pictures, samples, files and the machine."""
