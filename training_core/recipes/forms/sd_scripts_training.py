"""What sd-scripts says of the model, the run, its noise and its sample pictures, where it is not said in the same way here."""

from __future__ import annotations

from typing import Any

from ..rules import ASKED, Meaningless, NoMeaning, Paths, Said, Same, Turned, Vocabulary, model_file
from ..values import switch, text, whole
from .reasons import TRACKER
from .sd_scripts_family import (
    CHROMA,
    FLOW,
    FLUX,
    SD2,
    SD3,
    SD15,
    SDXL,
    WHOLE_MODEL,
    family,
    of_script,
    script_name,
)
from .shell_variables import unset


def _script(value: Any, said: Said) -> Paths:
    kind = of_script(text(value), said)
    whole_model = {"network.algo": "finetune", "network.train": "unet"}
    return {"model.family": kind} | (whole_model if script_name(text(value)) in WHOLE_MODEL else {})


def _model(value: Any, said: Said) -> Paths:
    alone = family(said) in FLOW and family(said) != SD3
    return {f"model.files.{'diffusion_model' if alone else 'checkpoint'}": text(value).strip()}


def _clip_skip(value: Any, said: Said) -> Paths:
    kind = family(said)
    if kind and kind not in (SD15, SD2):
        raise NoMeaning(f"clip_skip has no effect with {kind}, there and here: which layers it reads is fixed.")
    return {"model.clip_skip": whole(value)}


def _kind(value: Any, said: Said) -> Paths:
    name = text(value).strip().lower()
    if name not in ("flux", "chroma"):
        raise ValueError("model_type is flux or chroma.")
    return {"model.family": CHROMA if name == "chroma" else family(said) or FLUX}


def _base(value: Any, _said: Said) -> Paths:
    found = {"sd1.5": SD15, "sd2.0": SD2, "sdxl": SDXL, "flux": FLUX}.get(text(value).strip().lower())
    if found is None:
        raise ValueError("model_type is sd1.5, sd2.0, sdxl or flux there.")
    return {"model.family": found}


def _fp8(value: Any, said: Said) -> Paths:
    if not switch(value):
        return {}
    return {"model.weight_dtype": "fp8_e4m3fn"}


def _steps(value: Any, said: Said) -> Paths:
    if text(said.get("max_train_epochs")).strip() not in ("", "0"):
        raise NoMeaning("max_train_epochs is given, too, and decides there: the steps follow from it.")
    return {"training.max_train_steps": value}


def _epochs(value: Any, _said: Said) -> Paths:
    return {"training.epochs": value} if whole(value) else {}


def _save_ratio(value: Any, said: Said) -> Paths:
    parts, epochs = whole(value), said.get("max_train_epochs")
    if not parts:
        return {}
    if epochs in (None, ""):
        raise ValueError("How many epochs there are is not said: choose save_every_n_epochs in Train LoRA.")
    return {"training.save_every_n_epochs": max(1, whole(epochs) // max(1, parts))}


def _processes(value: Any, said: Said) -> Paths:
    number_of_cards, own = whole(value), whole(said.get("gradient_accumulation_steps") or 1)
    if number_of_cards < 2:
        raise NoMeaning("One graphics card is used here, too.")
    return {"training.gradient_accumulation_steps": own * number_of_cards}


def _several(value: Any, said: Said) -> Paths:
    """Of multi_gpu, a switch of accelerate."""
    if not switch(value):
        return {}
    if said.get("num_processes"):
        raise NoMeaning("num_processes tells how many cards there are.")
    raise ValueError(
        "How many cards there were is not said: with n of them, multiply gradient_accumulation_steps by n."
    )


def _name(value: Any, _said: Said) -> Paths:
    """Of output_name: a file's name, without an ending, and without variables that nothing sets."""
    given = text(value).strip().removesuffix(".safetensors")
    if variable := unset(given):
        raise ValueError(f"The text does not say what {variable} is: write a name into output_name of Train LoRA.")
    return {"training.output_name": given}


def _full(kind: str) -> Turned:
    return Turned(
        to=lambda value, _: {"training.full_precision": kind} if switch(value) else {},
        why="The trained weights are kept in this format: full_precision of Train LoRA.",
    )


def _cached(value: Any, _said: Said) -> Paths:
    return {"cache.latent_sampling": "once"} if switch(value) else {}


def _cached_on_disk(value: Any, _said: Said) -> Paths:
    return {"cache.latent_sampling": "once", "cache.cache_to_disk": True} if switch(value) else {}


def _interval(value: Any, _said: Said) -> Paths:
    return {"sampling.sample_every_n_epochs": max(0, whole(value))}


def _intervals_in_steps(value: Any, said: Said) -> Paths:
    epochs = text(said.get("sample_every_n_epochs")).strip()
    steps = {"sampling.sample_every_n_steps": max(0, whole(value))}
    return steps | ({} if epochs not in ("", "0") else {"sampling.sample_every_n_epochs": 0})


SAMPLERS = {
    "ddim": "ddim",
    "pndm": "euler",
    "lms": "lms",
    "k_lms": "lms",
    "euler": "euler",
    "k_euler": "euler",
    "euler_a": "euler_ancestral",
    "k_euler_a": "euler_ancestral",
    "heun": "heun",
    "dpm_2": "dpm_2",
    "k_dpm_2": "dpm_2",
    "dpm_2_a": "dpm_2_ancestral",
    "k_dpm_2_a": "dpm_2_ancestral",
    "dpmsolver": "dpmpp_2m",
    "dpmsolver++": "dpmpp_2m",
    "dpmsingle": "dpmpp_2s_ancestral",
}
"""Sampler there -> the one of ComfyUI that is it, or nearest to it."""


_DRAWN = ("sample_every_n_epochs", "sample_every_n_steps", "sample_at_first", "sample_prompts", "prompts")
"""Options without which no pictures are drawn."""


def _sampler(value: Any, said: Said) -> Paths:
    if family(said) in FLOW:
        raise NoMeaning("sd-scripts draws samples of this model by Euler steps, whatever is named.")
    if said.get("script") and all(text(said.get(name)).strip() in ("", "0") for name in _DRAWN):
        raise NoMeaning("No pictures are drawn there: sample_every_n_epochs and sample_every_n_steps are not set.")
    name = text(value).strip().lower()
    if name not in SAMPLERS:
        raise ValueError("sd-scripts has no such sampler.")
    return {"sampling.sampler_name": SAMPLERS[name]}


def _prompts(value: Any, said: Said) -> Paths:
    given = text(value).strip()
    if given.lower().endswith((".txt", ".toml", ".json")) and "\n" not in given:
        if "prompts" in said:
            return {}
        raise ValueError(
            "It names a file: import that file together with this recipe, or write its prompts into Sample Config."
        )
    return {"sampling.sample_prompts": given}


def _file_of(marker: str) -> Turned:
    """Return the rule of an option that names a further file of the recipe, which is here if a form has read `marker` in it."""

    def to(_value: Any, said: Said) -> Paths:
        if marker not in said:
            raise ValueError("Import this file together with the command: what it says is not known from here.")
        return {}

    return Turned(to=to, why="This file is read as well.")


def rules() -> Vocabulary:
    """Return the rules that differ from a setting with the same meaning."""
    return {
        "script": Turned(
            to=_script, why="The script tells which model is trained, and whether it is trained as a whole."
        ),
        "pretrained_model_name_or_path": Turned(to=_model, why=ASKED),
        "vae": model_file("vae"),
        "ae": model_file("vae"),
        "clip_l": model_file("clip_l"),
        "clip_g": model_file("clip_g"),
        "t5xxl": model_file("t5xxl"),
        "gemma2": model_file("text_encoder"),
        "qwen3": model_file("text_encoder"),
        "text_encoder": model_file("text_encoder"),
        "v2": Turned(
            to=lambda value, _: {"model.family": SD2} if switch(value) else {}, why="A model of the SD2 kind."
        ),
        "sdxl": Turned(
            to=lambda value, _: {"model.family": SDXL} if switch(value) else {}, why="A model of the SDXL kind."
        ),
        "v_parameterization": Turned(
            to=lambda value, _: {"model.v_prediction": True} if switch(value) else {},
            why="The model predicts v: the node ModelSamplingDiscrete says so where its file does not.",
        ),
        "model_train_type": Turned(
            to=_script, why="It tells which model is trained, and whether it is trained as a whole."
        ),
        "base_model_type": Turned(to=_base, why="The kind of model."),
        "sample_negative": Same(path="sampling.negative"),
        "sample_width": Same(path="sampling.width"),
        "sample_height": Same(path="sampling.height"),
        "sample_cfg": Same(path="sampling.cfg"),
        "sample_seed": Same(path="sampling.sample_seed"),
        "sample_steps": Same(path="sampling.steps"),
        "model_type": Turned(to=_kind, why="The kind of model."),
        "clip_skip": Turned(
            to=_clip_skip, why="Which layer of CLIP is used, counted from the end: CLIP Set Last Layer."
        ),
        "fp8_base": Turned(to=_fp8, why="The frozen model is loaded in fp8: Load Diffusion Model's weight_dtype."),
        "fp8_base_unet": Turned(to=_fp8, why="The frozen model is loaded in fp8: Load Diffusion Model's weight_dtype."),
        "fp8_scaled": Turned(
            to=_fp8, why="The frozen model is loaded in fp8; a file in scaled fp8 is loaded as it is."
        ),
        "max_train_steps": Turned(to=_steps, why="The same number of steps.", same=True),
        "max_train_epochs": Turned(to=_epochs, why="The same number of epochs.", same=True),
        "save_n_epoch_ratio": Turned(
            to=_save_ratio, why="A number of files in the run there; here the interval in epochs that gives as many."
        ),
        "num_processes": Turned(
            to=_processes,
            why="Each card had a batch of its own: here one card takes as many batches before each update, with the same numbers. "
            "To use several cards, set processes to their number and divide gradient_accumulation_steps by it.",
        ),
        "multi_gpu": Turned(to=_several, why="Several graphics cards."),
        "output_name": Turned(to=_name, why="The same name.", same=True),
        "full_fp16": _full("fp16"),
        "full_bf16": _full("bf16"),
        "gradient_checkpointing": Turned(
            to=lambda value, _: {"training.gradient_checkpointing": "all"} if switch(value) else {},
            why="Every block is computed again, as there.",
        ),
        "log_with": Meaningless(why=TRACKER),
        "cache_latents": Turned(
            to=_cached,
            why="Each picture's latent is sampled once and kept, as there.",
        ),
        "cache_latents_to_disk": Turned(
            to=_cached_on_disk, why="Each picture's latent is sampled once and kept, as there."
        ),
        "sample_every_n_epochs": Turned(to=_interval, why="The same interval.", same=True),
        "sample_every_n_steps": Turned(to=_intervals_in_steps, why="The same interval.", same=True),
        "sample_sampler": Turned(to=_sampler, why="The sampler of ComfyUI that is the same, or nearest to it."),
        "sample_prompts": Turned(to=_prompts, why="The prompts of this file are read as well.", same=True),
        "no_metadata": Turned(
            to=lambda value, _: {"training.metadata": "minimal"} if switch(value) else {},
            why="Files tell what a loader needs, and no settings.",
        ),
        "accelerate_mixed_precision": Meaningless(why="The script's own mixed_precision decides, there too."),
        "dataset_config": _file_of("datasets"),
        "config_file": _file_of("options"),
        "datasets": Turned(
            to=lambda _v, _s: {}, why="One Dataset Loader for each folder of pictures, each leading into the next."
        ),
        "options": Turned(to=lambda _v, _s: {}, why="Options of a file; those of a command override them."),
        "prompts": Same(path="sampling.sample_prompts"),
        "family": Turned(to=lambda value, _: {"model.family": text(value)}, why="The kind of model.", same=True),
    }
