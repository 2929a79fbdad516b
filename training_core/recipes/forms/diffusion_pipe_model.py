"""diffusion-pipe's table [model]: which model is trained, its files, its number formats, and how timesteps are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import quoted
from ...families.refused import REFUSED
from ..rules import ASKED, Meaningless, NoMeaning, Paths, Rule, Said, Same, Translated, model_file
from ..values import number, number_format, switch, text
from .nested import only_if
from .reasons import LAYER_RATES, NOT_MERGED, lacking

_WAN, _WAN_5B = "Wan 2.1 text-to-video", "Wan 2.2 5B (still pictures)"
TYPES: Mapping[str, str] = {
    "sdxl": "SDXL", "flux": "Flux.1 dev", "ltx-video": "LTX-Video (still pictures)", "hunyuan-video": "HunyuanVideo (still pictures)",
    "lumina_2": "Lumina 2", "wan": _WAN, "chroma": "Chroma", "hidream": "HiDream-I1", "sd3": "SD3",
    "cosmos_predict2": "Cosmos-Predict2", "anima": "Anima", "omnigen2": "OmniGen2", "qwen_image": "Qwen-Image",
    "hunyuan_image": "HunyuanImage 2.1", "auraflow": "AuraFlow", "z_image": "Z-Image",
    "hunyuan_video_15": "HunyuanVideo 1.5 (still pictures)", "flux2": "Flux.2", "ernie_image": "ERNIE-Image",
    "ltx2": "LTX-2 (still pictures, no sound)", "ideogram4": "Ideogram 4", "krea2": "Krea 2",
}  # fmt: skip
"""model.type -> title of the family."""
_REFUSED = {"cosmos": "CosmosT2V", "minimax_h3": "MiniMaxH3"}
"""model.type -> class of a model that is not trained here."""
_WHOLE = ("ltx-video", "ltx2", "sdxl")
"""Types whose single file holds more than the diffusion model."""
_WITHOUT_FLOW = ("sdxl", "cosmos")
"""Types whose timesteps are not drawn as those of flow models."""
_OF_A_PICTURE = ("i2v", "flf2v", "animate", "vace", "s2v", "fun-c")
"""Parts of the names of Wan's and HunyuanVideo's models that need more than a caption."""
_FORMATS = {"float8": "fp8_e4m3fn", "float8_e4m3fn": "fp8_e4m3fn", "float8_e5m2": "fp8_e5m2"}
OFF = "It is off there, as it is here."
_PATHS = ("ckpt_path", "transformer_path", "diffusion_model", "diffusers_path", "checkpoint_path", "single_file_path")


def kind(said: Said) -> str:
    """Return model.type in small letters; empty where the recipe does not tell it."""
    return text(said.get("model.type")).strip().lower()


def is_flow(said: Said) -> bool:
    """Return whether the recipe is for a model whose timesteps have a density."""
    return kind(said) in TYPES and kind(said) not in _WITHOUT_FLOW


def _named(said: Said) -> str:
    return " ".join(text(said.get(f"model.{name}")).lower() for name in _PATHS)


def goes_on(said: Said) -> bool:
    """Return whether the files are those of a model that needs more than a caption."""
    files = _named(said)
    return kind(said) in ("wan", "hunyuan-video") and "5b" not in files and any(word in files for word in _OF_A_PICTURE)


def _family(value: Any, said: Said) -> Paths:
    name, files = kind(said), _named(said)
    if name in _REFUSED:
        raise ValueError(f"This model is not trained here: it {REFUSED[_REFUSED[name]]}.")
    if name not in TYPES:
        raise ValueError(
            f"{quoted(value)} is no type of model that diffusion-pipe is known to train: choose the model yourself."
        )
    title = TYPES[name]
    if name == "flux":
        title = next(
            (to for word, to in (("schnell", "Flux.1 schnell"), ("fill", "Flux.1 Fill")) if word in files), title
        )
    if name == "wan" and "5b" in files:
        title = _WAN_5B
    elif name in ("wan", "hunyuan-video") and any(word in files for word in _OF_A_PICTURE):
        raise ValueError(
            "This model goes on from a given picture or video and is not trained here: choose its text-to-video model."
        )
    texts = name == "sdxl" and "adapter.type" in said
    return {"model.family": title} | ({"network.train": "unet + text encoder"} if texts else {})


def _trained_file(value: Any, said: Said) -> Paths:
    role = "checkpoint" if kind(said) in _WHOLE else "diffusion_model"
    return {f"model.files.{role}": text(value)} if value else {}


def _folder(value: Any, said: Said) -> Paths:
    """A folder with a whole model in several files: asked for as the model alone, unless another line names that."""
    if any(said.get(f"model.{name}") for name in ("transformer_path", "diffusion_model", "single_file_path")):
        raise NoMeaning("You are asked for the files of the text encoders and the VAE one by one.")
    role = "checkpoint" if kind(said) == "sd3" else "diffusion_model"
    return {f"model.files.{role}": text(value)}


def _encoders(value: Any, _said: Said) -> Paths:
    """Return the first file of text_encoders = [{path = "...", type = "..."}]; the graph asks for a second one by itself."""
    for each in value if isinstance(value, list) else [value]:
        paths = each.get("paths") or [each.get("path")] if isinstance(each, dict) else [each]
        if isinstance(paths, list) and paths and isinstance(paths[0], str):
            return {"model.files.text_encoder": paths[0]}
    raise ValueError("It names no file of a text encoder.")


def _weight_dtype(value: Any, _said: Said) -> Paths:
    name = text(value).lower()
    if number_format(name, "no"):
        raise NoMeaning("The model is kept as its file has it.")
    if name not in _FORMATS:
        raise ValueError(
            f"A model cannot be kept as {quoted(value)} here: Load Diffusion Model has fp8_e4m3fn and fp8_e5m2."
        )
    return {"model.weight_dtype": _FORMATS[name]}


def _precision(value: Any, _said: Said) -> Paths:
    found = number_format(value, "no")
    if not found:
        raise ValueError(f"{quoted(value)} is no number format of training: choose mixed_precision of Train LoRA.")
    return {"training.mixed_precision": found}


def _v_pred(value: Any, _said: Said) -> Paths:
    only_if(switch(value), OFF)
    return {"model.v_prediction": True, "noise.zero_terminal_snr": True}


def _by_size(said: Said) -> bool:
    fixed = text(said.get("model.shift")).strip() not in ("", "0")
    return not fixed and any(switch(said.get(f"model.{name}")) for name in ("flux_shift", "lumina_shift"))


def _method(value: Any, said: Said) -> Paths:
    name = text(value).strip().lower()
    if not is_flow(said):
        raise NoMeaning("Timesteps of this model are drawn evenly, there and here.")
    if name not in ("logit_normal", "uniform"):
        raise ValueError("timestep_sample_method is logit_normal or uniform.")
    if _by_size(said) and name == "logit_normal":
        return {"noise.timestep_sampling": "flux_shift"}
    return {"noise.timestep_sampling": name}


def _shift_by_size(value: Any, said: Said) -> Paths:
    only_if(switch(value), OFF)
    if not _by_size(said):
        raise NoMeaning("shift is given, too, and decides there.")
    if text(said.get("model.timestep_sample_method")) == "uniform":
        raise ValueError(
            "Evenly drawn timesteps are not shifted by the picture's size here: set flow_shift in Noise Config."
        )
    return {"noise.timestep_sampling": "flux_shift"}


def _scale(value: Any, said: Said) -> Paths:
    if text(said.get("model.timestep_sample_method", "logit_normal")) != "logit_normal":
        raise NoMeaning("It is of timestep_sample_method logit_normal alone.")
    return {"noise.sigmoid_scale" if _by_size(said) else "noise.logit_std": value}


def _timestep(field: str) -> Translated:
    return Translated(
        to=lambda value, _: {f"noise.{field}": round(number(value) * 1000)},
        why="As a number of 1000. There, timesteps outside are cut off; here the whole distribution is squeezed between the two.",
    )


_LOADING = Meaningless(why="ComfyUI loads the text encoder as its file is; captions are encoded before training.")
_LONG = Meaningless(why="Text encoders read the whole caption here, as they do in ComfyUI.")

MODEL_WORDS: dict[str, Rule] = {
    "model.type": Translated(to=_family, why="The kind of the model."),
    "model.checkpoint_path": Translated(to=_trained_file, why=ASKED),
    "model.transformer_path": Translated(to=_trained_file, why=ASKED),
    "model.diffusion_model": Translated(to=_trained_file, why=ASKED),
    "model.single_file_path": Translated(to=_trained_file, why=ASKED),
    "model.diffusers_path": Translated(to=_folder, why="A folder with a model's parts there: you are asked for their files."),
    "model.ckpt_path": Translated(to=_folder, why="A folder with a model's parts there: you are asked for their files."),
    **{f"model.{name}": model_file("vae") for name in ("vae_path", "vae")},
    **{f"model.{name}": model_file("text_encoder") for name in ("text_encoder_path", "llm_path", "llama3_path", "text_encoder")},
    "model.clip_path": model_file("clip_l"),
    "model.t5_path": model_file("t5xxl"),
    "model.text_encoders": Translated(to=_encoders, why=ASKED),
    "model.byt5_path": Meaningless(why="You are asked for this text encoder beside the first one."),
    "model.audio_vae": Meaningless(why="Pictures without sound are trained here."),
    "model.dtype": Translated(to=_precision, why="The number format of the computation."),
    "model.transformer_dtype": Translated(to=_weight_dtype, why="The frozen model is kept in it: weight_dtype of Load Diffusion Model."),
    "model.diffusion_model_dtype": Translated(
        to=_weight_dtype, why="The frozen model is kept in it: weight_dtype of Load Diffusion Model."
    ),
    "model.guidance": Same(path="conditioning.guidance_scale"),
    "model.timestep_sample_method": Translated(to=_method, why="How often each timestep is trained.", same=True),
    "model.sigmoid_scale": Translated(to=_scale, why="How wide the distribution of timesteps is."),
    "model.shift": Translated(to=lambda value, _: {"noise.flow_shift": value}, why="flow_shift of Noise Config.", same=True),
    "model.flux_shift": Translated(to=_shift_by_size, why="Timesteps are shifted by the picture's size: timestep_sampling flux_shift."),
    "model.lumina_shift": Translated(to=_shift_by_size, why="Timesteps are shifted by the picture's size: timestep_sampling flux_shift."),
    "model.image_shift": lacking("There is one shift for all pictures here: flow_shift of Noise Config."),
    "model.min_t": _timestep("min_timestep"),
    "model.max_t": _timestep("max_timestep"),
    "model.v_pred": Translated(to=_v_pred, why="The model predicts v, and its last timestep is made pure noise."),
    "model.min_snr_gamma": Same(path="loss.min_snr_gamma"),
    "model.debiased_estimation_loss": Same(path="loss.debiased_estimation_loss"),
    "model.unet_lr": Same(path="optimizer.unet_lr"),
    "model.text_encoder_1_lr": Translated(
        to=lambda _, said: {"optimizer.text_encoder_lr": _encoder_rates(said)}, why="Both encoders' rates in one field."
    ),
    "model.text_encoder_2_lr": Translated(
        to=lambda _, said: {"optimizer.text_encoder_lr": _encoder_rates(said)}, why="Both encoders' rates in one field."
    ),
    "model.llm_adapter_lr": lacking("Anima's text adapter is not trained here."),
    **{f"model.{name}": lacking(LAYER_RATES) for name in ("self_attn_lr", "cross_attn_lr", "mlp_lr", "mod_lr")},
    "model.llm_adapter_path": lacking("Anima's text adapter comes with its model file here."),
    "model.merge_adapters": lacking(NOT_MERGED),
    "model.bypass_guidance_embedding": lacking("The guidance embedding is used here: guidance_scale of Conditioning Config."),
    "model.multiscale_loss_weight": lacking("There is no loss at several sizes here."),
    "model.cfg": lacking("There is no training with CFG here."),
    "model.first_frame_conditioning_p": Meaningless(why="Only still pictures are trained here: there is no first frame to go on from."),
    "model.cache_text_embeddings": Meaningless(why="Captions are encoded before training here, where no text encoder is trained."),
    **{f"model.{name}": _LOADING for name in ("text_encoder_fp8", "text_encoder_nf4", "llama3_4bit")},
    **{f"model.{name}": _LONG for name in ("max_llama3_sequence_length", "max_sequence_length")},
}  # fmt: skip
"""Rules of the table [model]; names as models/*.py of diffusion-pipe read them."""


def _encoder_rates(said: Said) -> str:
    base = said.get("optimizer.lr", 0)
    return ", ".join(f"{number(said.get(f'model.text_encoder_{n}_lr', base)):g}" for n in (1, 2))
