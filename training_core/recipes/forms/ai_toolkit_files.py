"""ai-toolkit's words for pictures, samples, saved files and the job."""

from __future__ import annotations

import re
from typing import Any

from ..rules import Meaningless, NoMeaning, Paths, Rule, Said, Same, Turned
from ..values import number, number_format, switch, whole
from .ai_toolkit_model import guided
from .ai_toolkit_optimizer import updates
from .nested import only_if, to_steps
from .reasons import TRACKER, lacking

TRAINERS = ("sd_trainer", "ui_trainer", "diffusion_trainer", "fine_tune", "concept_slider", "slider")
_SAMPLERS = {
    "flowmatch": ("euler", "simple"),
    "ddpm": ("ddpm", "normal"),
    "ddim": ("ddim", "ddim_uniform"),
    "euler": ("euler", "normal"),
    "euler_a": ("euler_ancestral", "normal"),
    "dpmsolver": ("dpmpp_2m", "normal"),
    "dpmsolver++": ("dpmpp_2m", "normal"),
    "dpm++": ("dpmpp_2m", "normal"),
    "lms": ("lms", "normal"),
    "heun": ("heun", "normal"),
    "lcm": ("lcm", "sgm_uniform"),
}
_OPTIONS = {
    "seed": "d",
    "d": "d",
    "cfg": "l",
    "l": "l",
    "steps": "s",
    "s": "s",
    "w": "w",
    "h": "h",
    "n": "n",
    "ctrl_img": "ci",
}
"""Options in ai-toolkit's prompts -> those of sd-scripts; its others are left out."""


def _folder(value: Any, _: Said) -> Paths:
    return {"datasets.folder": str(value)}


def _control(value: Any, _: Said) -> Paths:
    paths = [str(each) for each in value if each] if isinstance(value, list) else [str(value)]
    return {"datasets.control_folder": paths[0]} if paths else {}


def _more_control(value: Any, _: Said) -> Paths:
    raise ValueError(
        "All control pictures of a picture are in one folder here, as name_1, name_2: put these into the first one."
    )


def _extension(value: Any, _: Said) -> Paths:
    if str(value).strip(". ").lower() == "json":
        raise ValueError("Captions are in plain text files here, not in JSON: write one .txt for each picture.")
    return {"datasets.caption_extension": f".{str(value).lstrip('.')}"}


def _trigger(value: Any, _: Said) -> Paths:
    return {"datasets.caption_prefix": str(value), "training.metadata_trigger_phrase": str(value)}


def _own_trigger(value: Any, _: Said) -> Paths:
    return {"datasets.caption_prefix": str(value)}


def _resolution(value: Any, said: Said) -> Paths:
    step = max(8, whole(said.get("datasets.bucket_tolerance") or 64) // 8 * 8)
    values = value if isinstance(value, list) else [value]
    sizes = sorted({to_steps(number(each), step) for each in values}, reverse=True)
    largest, others = sizes[0], sizes[1:]
    paths: dict[str, Any] = {"buckets.width": largest, "buckets.height": largest}
    if others:
        paths["buckets.extra_resolutions"] = ", ".join(str(each) for each in others)
    return {
        **paths,
        "buckets.bucket_reso_steps": step,
        "buckets.min_bucket_reso": max(64, min(256, sizes[-1] // 2)),
        "buckets.max_bucket_reso": max(1024, largest * 2),
    }


def _tolerance(value: Any, said: Said) -> Paths:
    return _resolution(said.get("datasets.resolution", 512), {**said, "datasets.bucket_tolerance": value})


def _buckets(value: Any, _: Said) -> Paths:
    return {"buckets.enable_bucket": switch(value), "buckets.bucket_no_upscale": switch(value)}


def _square(value: Any, _: Said) -> Paths:
    return {"buckets.enable_bucket": False} if switch(value) else {}


def _cached(value: Any, _: Said) -> Paths:
    only_if(switch(value), "It is off; encodings are kept here anyway (Cache Config).")
    return {"cache.latent_sampling": "once"}


def _masked(value: Any, said: Said) -> Paths:
    if number(value) and said.get("datasets.mask_path"):
        raise ValueError(
            "Black parts of a mask do not count at all here: make them dark grey where they shall count a little."
        )
    raise NoMeaning("It is for masks.")


def _saved(value: Any, said: Said) -> Paths:
    return {"training.save_every_n_epochs": 0, "training.save_every_n_steps": updates(value, said)}


def _kept(value: Any, said: Said) -> Paths:
    every = updates(said.get("save.save_every", 1000), said)
    return {"training.save_last_n_steps": whole(value) * every}


def _format(value: Any, _: Said) -> Paths:
    found = number_format(value, "float")
    if not found:
        raise ValueError("Files are saved in fp16, bf16 or float here: fp16 is used.")
    return {"training.save_precision": found}


def _prompts(value: Any, said: Said) -> Paths:
    lines = [_prompt(str(each), said) for each in (value if isinstance(value, list) else [value])]
    return {"sampling.sample_prompts": "\n".join(line for line in lines if line)}


def _prompt(line: str, said: Said) -> str:
    """Return a prompt of ai-toolkit's as one of sd-scripts, with the trigger word in it."""
    text, *options = re.split(r"\s--(?=[a-z])", line)
    for name in ("[trigger]", "[name]"):
        text = text.replace(name, str(said.get("trigger_word") or ""))
    found: dict[str, str] = {}
    pictures: list[str] = []
    for option in options:
        name, _, value = option.partition(" ")
        if name in _OPTIONS and value.strip():
            found[_OPTIONS[name]] = value.strip()
        if name == "ctrl_img" or name == "ci":
            pictures.append(re.split(r"[\\/]", value.strip())[-1])
    if not switch(said.get("sample.walk_seed", False)) and "sample.seed" in said and "d" not in found:
        found["d"] = str(whole(said["sample.seed"]))
    if guided(said):
        found.pop("l", None)
        found.pop("n", None)
    options = [f"--{name} {value}" for name, value in found.items()] + [f"--ci {name}" for name in pictures]
    return " ".join([" ".join(text.split()), *options])


def _cfg(value: Any, said: Said) -> Paths:
    return {"sampling.cfg": 1.0 if guided(said) else number(value)}


def _negative(value: Any, said: Said) -> Paths:
    only_if(not guided(said), "This model is sampled without a negative prompt.")
    return {"sampling.negative": "" if value is False else str(value)}


def _sampler(value: Any, _: Said) -> Paths:
    if str(value) not in _SAMPLERS:
        raise ValueError("There is no such sampler here: euler is used.")
    sampler, scheduler = _SAMPLERS[str(value)]
    return {"sampling.sampler_name": sampler, "sampling.scheduler": scheduler}


def _drawn(value: Any, said: Said) -> Paths:
    only_if(not switch(said.get("train.disable_sampling", False)), "No pictures are drawn (disable_sampling).")
    return {"sampling.sample_every_n_epochs": 0, "sampling.sample_every_n_steps": updates(value, said)}


def _type(value: Any, _: Said) -> Paths:
    if "slider" in str(value):
        raise ValueError("Sliders are not trained here: this graph trains a LoRA on pictures with captions.")
    raise NoMeaning("It starts a training.")


_FOLDERS = Meaningless(why="A folder of the other computer; runs and files have their places in ComfyUI's folders.")
_PAGE = Meaningless(why="It is for ai-toolkit's page; here the page shows runs by itself.")
_SHARED = "Files stay on this machine; sharing them is a step of its own."
_NO_EFFECT = Meaningless(why="It has no effect there, or ComfyUI chooses it.")
_NO_FILMS = Meaningless(why="Samples are still pictures.")
FILE_WORDS: dict[str, Rule] = {
    "job": Meaningless(why="It starts a training."),
    "type": Turned(to=_type, why="It starts a training."),
    "name": Same(path="training.output_name"),
    "trigger_word": Turned(to=_trigger, why="In front of every caption, also of those that have it; [trigger] in prompts is replaced."),
    "training_seed": Same(path="training.seed"),
    "network": Turned(
        to=lambda value, _: {"network.algo": "finetune", "network.train": "unet"}, why="Without a network the model itself is trained."
    ),
    "adapter": lacking("Adapters are not trained here."),
    "embedding": lacking("Embeddings are not trained here: their words in captions are read as plain text."),
    "decorator": lacking("There is no such thing here."),
    "slider": lacking("Sliders are not trained here: this graph trains a LoRA on pictures with captions."),
    "guidance": lacking("There is no training towards a guidance here."),
    "first_sample": Meaningless(why="Samples before training have the same prompts (sample_at_first)."),
    "validation": lacking("The probe of Validation Config measures the loss on pictures of the dataset."),
    "do_lorm": lacking("There is no LoRM here: lora is trained."),
    "lorm_extract_mode": Meaningless(why="It belongs to do_lorm."),
    "lorm_extract_mode_param": Meaningless(why="It belongs to do_lorm."),
    "torch_profiler": Meaningless(why="How long each part of a step takes is told in the run's log."),
    "performance_log_every": Meaningless(why="How long each part of a step takes is told in the run's log."),
    "process others": lacking("One training becomes one graph: import the other processes from files of their own."),
    "meta.name": Meaningless(why="The name that is told in the file: metadata_title, else output_name."),
    "meta.version": Meaningless(why="A note for readers; training_comment of Train LoRA writes one into the file."),
    "meta": Meaningless(why="Notes for readers; training_comment of Train LoRA writes one into the file."),
    **dict.fromkeys(("training_folder", "log_dir"), _FOLDERS),
    **dict.fromkeys(("device", "is_v2", "gradient_accumulation_steps", "mixed_precision"), _NO_EFFECT),
    **dict.fromkeys(("sqlite_db_path", "logging.log_every", "logging.verbose", "logging.use_ui_logger"), _PAGE),
    "logging.use_wandb": Meaningless(why=TRACKER),
    "logging.project_name": Meaningless(why="Runs are logged under their own names."),
    "logging.run_name": Meaningless(why="Runs are logged under their own names."),
    "datasets.folder_path": Turned(to=_folder, why="The folder.", same=True),
    "datasets.dataset_path": Turned(to=_folder, why="The folder.", same=True),
    "datasets.default_caption": Turned(
        to=lambda value, _: {"datasets.class_tokens": str(value)}, why="The caption of pictures without a caption file.", same=True
    ),
    "datasets.trigger_word": Turned(to=_own_trigger, why="In front of every caption, also of those that have it."),
    "datasets.caption_ext": Turned(to=_extension, why="With its dot.", same=True),
    "datasets.caption_type": Turned(to=_extension, why="With its dot.", same=True),
    "datasets.caption_dropout_rate": Same(path="datasets.caption_dropout_rate"),
    "datasets.token_dropout_rate": Same(path="datasets.caption_tag_dropout_rate"),
    "datasets.shuffle_tokens": Same(path="datasets.shuffle_caption"),
    "datasets.keep_tokens": Same(path="datasets.keep_tokens"),
    "datasets.num_repeats": Same(path="datasets.repeats"),
    "datasets.is_reg": Same(path="datasets.is_reg"),
    "datasets.flip_x": Same(path="datasets.flip_aug"),
    "datasets.random_crop": Same(path="datasets.random_crop"),
    "datasets.alpha_mask": Same(path="datasets.alpha_mask"),
    "datasets.mask_path": Turned(to=lambda value, _: {"datasets.mask_folder": str(value)}, why="The folder with masks.", same=True),
    "datasets.mask_min_value": Turned(to=_masked, why=""),
    "datasets.control_path": Turned(to=_control, why="The folder with control pictures.", same=True),
    "datasets.control_path_1": Turned(to=_control, why="The folder with control pictures.", same=True),
    "datasets.control_path_2": Turned(to=_more_control, why=""),
    "datasets.control_path_3": Turned(to=_more_control, why=""),
    "datasets.full_size_control_images": Turned(
        to=lambda value, _: {"buckets.control_size": "own" if switch(value) else "same"}, why="How control pictures are sized."
    ),
    "datasets.resolution": Turned(to=_resolution, why="The largest size, and the others beside it: each picture is trained at each."),
    "datasets.resolution own": Meaningless(
        why="", unless=lambda _: True, otherwise="Folders with sizes of their own are not possible here: all are trained at all sizes."
    ),
    "datasets.bucket_tolerance": Turned(to=_tolerance, why="Sides of buckets are multiples of this."),
    "datasets.buckets": Turned(to=_buckets, why="Pictures are not enlarged."),
    "datasets.square_crop": Turned(to=_square, why="Pictures are cropped to a square."),
    "datasets.cache_latents": Turned(to=_cached, why="One latent is drawn for each picture and used again."),
    "datasets.cache_latents_to_disk": Turned(to=_cached, why="One latent is drawn for each picture and used again."),
    "datasets.cache_text_embeddings": Meaningless(why="Captions are encoded once, unless a text encoder is trained."),
    "save.dtype": Turned(to=_format, why="The number format of the saved file."),
    "save.save_dtype": Turned(to=_format, why="The number format of the saved file."),
    "save.save_every": Turned(to=_saved, why="Files are saved by steps, not by epochs."),
    "save.max_step_saves_to_keep": Turned(to=_kept, why="The same number of files is kept: save_last_n_steps counts the steps "
        "between them."),
    "save.save_format": Meaningless(why="Files have the form that ComfyUI loads; save_diffusers_copy adds one for diffusers."),
    "save.push_to_hub": lacking(_SHARED),
    "save.hf_repo_id": Meaningless(why=_SHARED),
    "save.hf_private": Meaningless(why=_SHARED),
    "sample.prompts": Turned(
        to=_prompts, why="One prompt a line, with its size, seed and cfg; control pictures by name, in ComfyUI's input folder."
    ),
    "sample.width": Same(path="sampling.width"),
    "sample.height": Same(path="sampling.height"),
    "sample.seed": Same(path="sampling.sample_seed"),
    "sample.walk_seed": Meaningless(why="The seed goes up from prompt to prompt here; where it does not, it is written behind each."),
    "sample.neg": Turned(to=_negative, why="The negative prompt.", same=True),
    "sample.guidance_scale": Turned(to=_cfg, why="cfg; a model that takes its guidance as a number is sampled with cfg 1."),
    "sample.sample_steps": Same(path="sampling.steps"),
    "sample.sampler": Turned(to=_sampler, why="Sampler and scheduler by ComfyUI's names."),
    "sample.sample_every": Turned(to=_drawn, why="Pictures are drawn by steps, not by epochs."),
    "sample.sample_start_step": lacking("Pictures are drawn from the start here."),
    "sample.network_multiplier": lacking("Samples are drawn with the LoRA at strength 1.", 1),
    "sample.guidance_rescale": lacking("cfg is not rescaled here."),
    "sample.format": Meaningless(why="Pictures are saved as PNG."),
    "sample.ext": Meaningless(why="Pictures are saved as PNG."),
    "sample.adapter_conditioning_scale": Meaningless(why="It is for adapters."),
    "sample.refiner_start_at": Meaningless(why="It belongs to the refiner."),
    "sample.extra_values": Meaningless(why="It is for models of ai-toolkit's own."),
    "sample.do_cfg_norm": Meaningless(why="It is how ai-toolkit draws this model."),
    "sample.num_frames": _NO_FILMS,
    "sample.fps": _NO_FILMS,
    "sample.samples others": Meaningless(why="Samples are still pictures with a size, a seed, cfg and steps of their own."),
}  # fmt: skip
"""Rules of `datasets`, `sample`, `save` and the job."""
