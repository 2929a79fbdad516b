"""OneTrainer's words for the model and its parts: files, what is trained at which rate, dropout, number formats."""

from __future__ import annotations

from typing import Any

from ..rules import Meaningless, NoMeaning, Paths, Rule, Said, Turned
from ..values import number, switch
from .nested import above_zero, hub_model, only_if, plain
from .onetrainer_models import (
    DENOISERS,
    ENCODERS,
    KINDS,
    METHODS,
    OTHERS,
    PARTS,
    encoders_trained,
    finetunes,
    kind,
    rate,
    trains,
)
from .onetrainer_network import ALGOS, peft
from .reasons import NO_ENCODERS, NO_FAMILY, NOTHING_TRAINED


def _model_type(value: Any, _: Said) -> Paths:
    found = KINDS.get(str(value))
    if found is None:
        raise ValueError("This kind of model is not known here: choose the model yourself.")
    if not found.family:
        raise ValueError(NO_FAMILY)
    return {"model.family": found.family}


def _method(value: Any, said: Said) -> Paths:
    if value == "LORA":
        return {"network.algo": ALGOS.get(peft(said), "lora")}
    if value == "FINE_TUNE":
        return {"network.algo": "finetune", "network.train": "unet"}
    if value in METHODS:
        raise ValueError("Embeddings and VAEs are not trained here: this graph trains a LoRA.")
    raise ValueError("The method must be LORA or FINE_TUNE.")


def _roles(said: Said) -> dict[str, str]:
    """Return the text encoders of the model by OneTrainer's names: clip_l, clip_g, t5xxl or ""."""
    return dict(zip(ENCODERS, kind(said).encoders, strict=False))


def _train(name: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        chosen = switch(value)
        if name == "unconditional_transformer" or name in OTHERS:
            if chosen and name == "unconditional_transformer":
                raise ValueError("The model without a prompt is not trained here.")
            raise NoMeaning("This part is never trained.")
        if name in ENCODERS and not chosen:
            return _networks(said) if any(encoders_trained(said)) else {}
        if name in ENCODERS and finetunes(said):
            raise ValueError(NO_ENCODERS)
        if name in ENCODERS and not _roles(said).get(name):
            raise ValueError("This text encoder is not trained here: networks are for CLIP and T5.")
        if name not in ENCODERS and not chosen and not any(encoders_trained(said)):
            raise ValueError(NOTHING_TRAINED)
        return {} if finetunes(said) else _networks(said)

    return Turned(to=to, why="What is trained is one choice here: the diffusion model, the text encoders, or both.")


def _networks(said: Said) -> Paths:
    """Return what is trained, and the rates of the text encoders where they are not all the same."""
    texts = encoders_trained(said)
    both = "unet + text encoder" if trains(kind(said).part, said) else "text encoder"
    return {"network.train": both, **_rates(said)} if any(texts) else {"network.train": "unet"}


def _rates(said: Said) -> Paths:
    """Return the learning rates of the text encoders, in the order of CLIP-L, CLIP-G and T5; none if all have the common one."""
    texts = encoders_trained(said)
    base = said.get("learning_rate", 3e-6)
    own = [said.get(f"{name}.learning_rate") for name in ENCODERS[: len(texts)]]
    rates = [
        rate(base if value in (None, "") else value, said) if on else 0.0 for on, value in zip(texts, own, strict=True)
    ][:3]
    if all(each == rate(base, said) for each in rates):
        return {}
    same = len(set(rates)) == 1
    return {"optimizer.text_encoder_lr": plain(rates[0]) if same else ", ".join(plain(each) for each in rates)}


def _part_rate(name: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        if value in (None, ""):
            return {}
        if name in ENCODERS:
            only_if(any(encoders_trained(said)), "No text encoder is trained.")
            return _rates(said)
        only_if(name == kind(said).part, "This part is not trained.")
        return {"optimizer.unet_lr": plain(rate(value, said))}

    return Turned(to=to, why="The rate of this part; where it is empty, learning_rate is used.")


def _dropout(name: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        encoders = kind(said).encoders
        only_if(above_zero(value), "0: every caption is used.")
        if len(encoders) == 1:
            return {"datasets.caption_dropout_rate": value}
        role = _roles(said).get(name, "")
        if not role:
            raise ValueError("Captions of this text encoder alone cannot be dropped here.")
        return {f"conditioning.{'t5' if role == 't5xxl' else role}_dropout_rate": value}

    return Turned(to=to, why="The chance that a picture is trained without this encoder's part of the caption.")


_EIGHT_BITS = ("FLOAT_8", "FLOAT_W8A8", "FLOAT_W8A8_COMPRESSED", "INT_8", "INT_W8A8", "INT_W8A8_COMPRESSED", "NFLOAT_4")


def _weights(name: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        if name not in DENOISERS:
            raise NoMeaning("ComfyUI's loaders choose the number format of this part.")
        if str(value).startswith("GGUF"):
            raise ValueError("GGUF files are for loaders of other packs; load the model as safetensors.")
        only_if(value in _EIGHT_BITS, "The frozen model keeps the number format of its file.")
        return {"model.weight_dtype": "fp8_e4m3fn"}

    return Turned(to=to, why="The loader's nearest format of 8 bits or less is fp8_e4m3fn.")


def _stop(name: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        unit = said.get(f"{name}.stop_training_after_unit", "EPOCH" if name in ENCODERS else "NEVER")
        trained = any(encoders_trained(said)) and trains(name, said) if name in ENCODERS else name == kind(said).part
        epochs = number(said.get("epochs", 100))
        early = value not in (None, "") and number(value) > 0 and unit != "NEVER"
        only_if(trained and early, "This part is not trained, or to the end.")
        only_if(unit != "EPOCH" or number(value) < epochs, "This part is trained to the end.")
        raise ValueError("Parts cannot stop earlier than others here: this one is trained to the end.")

    return Turned(to=to, why="")


def _file(name: str) -> Rule:
    roles = {
        "transformer": "diffusion_model",
        "prior": "diffusion_model",
        "vae": "vae",
        "text_encoder_4": "text_encoder",
    }
    if name in roles:
        return hub_model(roles[name])
    return Meaningless(why="This part is not a file of its own here.")


def _guidance(value: Any, said: Said) -> Paths:
    only_if(kind(said).guided, "This kind of model takes no guidance value.")
    return {"conditioning.guidance_scale": value}


def _checkpointing(value: Any, said: Said) -> Paths:
    return {"training.gradient_checkpointing": "all" if value == "CPU_OFFLOADED" or switch(value) else "off"}


_CHECKPOINTING = Turned(to=_checkpointing, why="Blocks of the model are computed twice, which saves memory.")
_SWAPPED = Meaningless(
    why="Blocks are swapped by themselves where a step does not fit into VRAM (gradient_checkpointing auto)."
)


def _include(value: Any, _: Said) -> Paths:
    if not switch(value):
        raise ValueError("A model without one of its text encoders is not loaded here: choose all of them.")
    raise NoMeaning("It is loaded.")


def _part_words(name: str) -> dict[str, Rule]:
    """Return the rules of all that is said of a part of the model (TrainModelPartConfig)."""
    denoiser = name in DENOISERS
    return {
        "others": Meaningless(
            why="How this part is kept in memory, and what is for embeddings: ComfyUI loads it as it needs it."
        ),
        "": Meaningless(why="This kind of model has no such part, or it is not loaded for training."),
        "__version": Meaningless(why="The version of OneTrainer's file."),
        "model_name": _file(name),
        "include": Turned(to=_include, why="") if name in ENCODERS else Meaningless(why="It is loaded."),
        "train": _train(name),
        "stop_training_after": _stop(name),
        "stop_training_after_unit": Meaningless(why="It belongs to stop_training_after."),
        "learning_rate": _part_rate(name),
        "weight_dtype": _weights(name),
        "train_dtype": Meaningless(why="All parts are computed in the format of mixed_precision."),
        "dropout_probability": _dropout(name) if name in ENCODERS else Meaningless(why="It is for text encoders."),
        "train_embedding": Meaningless(why="No embeddings are trained here."),
        "attention_mask": Meaningless(why="Captions are masked as ComfyUI does it for this model."),
        "guidance_scale": Turned(to=_guidance, why="The guidance value that the model gets during training.")
        if denoiser
        else Meaningless(why="It is for the diffusion model."),
        "gradient_checkpointing": _CHECKPOINTING
        if denoiser
        else Meaningless(why="The diffusion model's setting counts, gradient_checkpointing of Train LoRA."),
        "offload_fraction": _SWAPPED,
        "activation_offloading": _SWAPPED,
    }


def _skip(name: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        only_if(above_zero(value), "0: the layer that is usual for the model.")
        if kind(said).family in ("SD1.5", "SD1.5 inpainting") and name == "text_encoder":
            return {"model.clip_skip": int(number(value)) + 1}
        raise ValueError("Another layer of this text encoder is not read here.")

    return Turned(to=to, why="Layers of CLIP from the end; clip skip counts from 1.")


_QUANTIZED = Meaningless(why="How frozen weights are made smaller; here weight_dtype of Load Diffusion Model does it.")
MODEL_WORDS: dict[str, Rule] = {
    "model_type": Turned(to=_model_type, why="The kind of model, by its name here."),
    "training_method": Turned(to=_method, why="LORA: a network is trained. FINE_TUNE: the model's own weights (finetune)."),
    "base_model_name": hub_model("checkpoint"),
    "weight_dtype": _weights("unet"),
    **{
        f"{name} others" if field == "others" else f"{name}.{field}" if field else name: rule
        for name in PARTS
        for field, rule in _part_words(name).items()
    },
    **{f"{name}_layer_skip": _skip(name) for name in ENCODERS},
    **{
        f"{name}_sequence_length": Meaningless(why="Text encoders read captions of any length; CLIP's is max_token_length.")
        for name in ENCODERS
    },
    **dict.fromkeys(("quantization", *(f"quantization_layer_filter{each}" for each in ("", "_preset", "_regex"))), _QUANTIZED),
    "gradient_checkpointing": _CHECKPOINTING,
    "layer_offload_fraction": _SWAPPED,
    "enable_activation_offloading": _SWAPPED,
    "enable_async_offloading": _SWAPPED,
    "async_offloading": _SWAPPED,
    "sequential_model_setup": _SWAPPED,
}  # fmt: skip
"""Rules of what is said of the model and its parts."""
