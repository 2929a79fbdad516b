"""ai-toolkit's words for the model and the network."""

from __future__ import annotations

import re
from typing import Any

from ..rules import Meaningless, Paths, Rule, Said, Turned
from ..values import switch, whole
from .nested import hub_model, only_if
from .reasons import NO_FAMILY, lacking

FAMILIES: dict[str, str] = {
    "sd": "SD1.5",
    "sd1": "SD1.5", "sd15": "SD1.5", "sd2": "SD2", "sd3": "SD3", "sdxl": "SDXL", "ssd": "SSD-1B", "vega": "Segmind Vega",
    "pixart": "PixArt alpha", "pixart_sigma": "PixArt Sigma", "auraflow": "AuraFlow", "flux": "Flux.1 dev", "flex1": "Flux.1 dev",
    "flux_kontext": "Flux.1 dev", "flux2": "Flux.2", "flux2_klein_4b": "Flux.2", "flux2_klein_9b": "Flux.2", "lumina2": "Lumina 2",
    "chroma": "Chroma", "chroma_radiance": "Chroma Radiance", "wan21": "Wan 2.1 text-to-video",
    "wan22_14b": "Wan 2.1 text-to-video", "wan22_5b": "Wan 2.2 5B (still pictures)", "qwen_image": "Qwen-Image",
    "qwen_image_edit": "Qwen-Image", "qwen_image_edit_plus": "Qwen-Image", "hidream": "HiDream-I1", "hidream_o1": "HiDream-O1",
    "omnigen2": "OmniGen2", "zimage": "Z-Image", "zimage_l2p": "Z-Image in pixel space", "anima": "Anima",
    "ernie_image": "ERNIE-Image", "krea2": "Krea 2", "ideogram4": "Ideogram 4", "ltx2": "LTX-2 (still pictures, no sound)",
    "ltx2.3": "LTX-2 (still pictures, no sound)", "ltx2.5": "LTX-2 (still pictures, no sound)", "mageflow": "Mage-Flow",
    "mageflow_edit": "Mage-Flow", "boogu_image": "Boogu-Image", "boogu_image_edit": "Boogu-Image",
}  # fmt: skip
"""`arch` -> title of the family here (toolkit/config_modules.py, the models of extensions_built_in, ui/src/app/jobs/new/options.tsx)."""
_UNETS = ("SD1.5", "SD2", "SDXL", "SSD-1B", "Segmind Vega")
_NO_FLOW = (*_UNETS, "PixArt alpha", "PixArt Sigma")
_GUIDED = ("Flux.1 dev",)
_SWITCHES = (
    "is_pixart_sigma",
    "is_pixart",
    "is_auraflow",
    "is_flux",
    "is_lumina2",
    "is_ssd",
    "is_vega",
    "is_xl",
    "is_v3",
    "is_v2",
)
_LAYERS = re.compile(
    r"(?:transformer\.)?(?P<kind>single_transformer_blocks|transformer_blocks)(?:\.(?P<number>\d+)\.?)?(?P<layer>\.?proj_out)?"
)


def arch(said: Said) -> str:
    """Return the kind of model, from `arch` (without what follows a colon) or the older switches; "" where nothing tells."""
    if said.get("model.arch"):
        return str(said["model.arch"]).partition(":")[0]
    for name in _SWITCHES:
        if str(said.get(f"model.{name}")).lower() == "true":
            return {"is_xl": "sdxl", "is_v3": "sd3", "is_v2": "sd2"}.get(name, name.removeprefix("is_"))
    return "sd1" if "model.name_or_path" in said else ""


def family(said: Said) -> str:
    """Return the title of the family here; "" for one that is not trained, or is not told."""
    found = FAMILIES.get(arch(said), "")
    name = str(said.get("model.name_or_path", "")).lower()
    return "Flux.1 schnell" if found == "Flux.1 dev" and "schnell" in name else found


def flow(said: Said) -> bool:
    """Return whether it is a flow model; where nothing tells, noise_scheduler does."""
    found = family(said)
    return found not in _NO_FLOW if found else str(said.get("train.noise_scheduler")) == "flowmatch"


def guided(said: Said) -> bool:
    """Return whether the model is told the guidance as a number, and is sampled with cfg 1."""
    return family(said) in _GUIDED and "flex" not in arch(said)


def convolutions(said: Said) -> bool:
    """Return whether it is a U-Net, which has convolutions."""
    return family(said) in _UNETS


def finetunes(said: Said) -> bool:
    """Return whether there is no network, so that the model's own weights are trained."""
    network = any(name.startswith("network.") for name in said) or "adapter" in said or "embedding" in said
    return not network and "train.steps" in said and "model.name_or_path" in said


def _family(value: Any, said: Said) -> Paths:
    found = family(said)
    if not found:
        raise ValueError(NO_FAMILY)
    return {"model.family": found}


def _old_switch(value: Any, said: Said) -> Paths:
    only_if(switch(value), "It is another kind of model.")
    return _family(value, said)


def _name(value: Any, said: Said) -> Paths:
    found = {"model.files.checkpoint": str(value)}
    return found if said.get("model.arch") or not family(said) else {"model.family": family(said), **found}


_EIGHT = "The nearest number format that the loader has for 8 bits or less is fp8_e4m3fn."


def _quantize(value: Any, said: Said) -> Paths:
    only_if(switch(value), "It is off: the frozen model keeps the number format of its file.")
    return {"model.weight_dtype": "fp8_e4m3fn"}


def _qtype(value: Any, said: Said) -> Paths:
    only_if(switch(said.get("model.quantize", False)), "quantize is off.")
    if "|" in str(value):
        raise ValueError(
            "There is no adapter here that makes up for what quantizing loses: the model is loaded as fp8_e4m3fn without it."
        )
    return {"model.weight_dtype": "fp8_e4m3fn"}


_PLACES = Meaningless(why="ComfyUI chooses where and in which number format models are kept in memory.")
_ENCODERS = Meaningless(why="ComfyUI's loaders choose the number format of text encoders.")
_EXPERTS = "Wan 2.2 has two models, for much and for little noise: train a LoRA on each, as the example 'Recipe - Wan 2.2 experts' does."
_ADAPTER = (
    "A training adapter: load it with Load LoRA in front of Train LoRA, and leave it out when you use the trained LoRA."
)
MODEL_WORDS: dict[str, Rule] = {
    "model.name_or_path": Turned(to=_name, why=hub_model("checkpoint").why),
    "model.name_or_path_original": Meaningless(why="The name before training."),
    "model.arch": Turned(to=_family, why="The kind of model, by its name here."),
    "model.model_arch": Turned(to=_family, why="The kind of model, by its name here."),
    **{f"model.{name}": Turned(to=_old_switch, why="The kind of model, by its name here.") for name in _SWITCHES},
    "model.is_flex2": lacking("Flex.2 is not trained here."),
    "model.is_v_pred": Turned(to=lambda value, _: {"model.v_prediction": switch(value)}, why="The model predicts v.", same=True),
    "model.vae_path": hub_model("vae"),
    "model.unet_path": hub_model("diffusion_model"),
    "model.te_name_or_path": hub_model("text_encoder"),
    "model.extras_name_or_path": Meaningless(why="Text encoders and VAE are chosen in loaders of their own."),
    "model.model_paths": Meaningless(why="Text encoders and VAE are chosen in loaders of their own."),
    "model.quantize": Turned(to=_quantize, why=_EIGHT),
    "model.qtype": Turned(to=_qtype, why=_EIGHT),
    "model.quantize_te": _ENCODERS, "model.qtype_te": _ENCODERS, "model.te_dtype": _ENCODERS, "model.te_device": _ENCODERS,
    "model.text_encoder_bits": _ENCODERS,
    **dict.fromkeys(
        (f"model.{name}" for name in (
            "dtype", "vae_device", "vae_dtype", "low_vram", "high_ram", "auto_memory", "layer_offloading", "quantize_kwargs",
            "layer_offloading_transformer_percent", "layer_offloading_text_encoder_percent", "split_model_over_gpus",
            "split_model_other_module_param_count_scale", "latent_space_version", "unet_sample_size",
        )),
        _PLACES,
    ),
    "model.accuracy_recovery_adapter": lacking("There is no adapter here that makes up for what quantizing loses."),
    "model.assistant_lora_path": lacking(_ADAPTER),
    "model.inference_lora_path": lacking("Samples are drawn with the trained LoRA alone."),
    "model.unconditional_lora_path": lacking(_ADAPTER),
    "model.lora_path": lacking("A LoRA below the trained one: put Load LoRA between the loader and Train LoRA."),
    "model.refiner_name_or_path": lacking("A refiner is trained as a model of its own."),
    "model.refiner_start_at": Meaningless(why="It belongs to the refiner."),
    "model.use_flux_cfg": lacking("Flux's guidance value is guidance_scale of Conditioning Config."),
    "model.attn_masking": Meaningless(why="Captions are masked as ComfyUI does it for this model."),
    "model.use_text_encoder_1": Meaningless(why="All text encoders of the model are used."),
    "model.use_text_encoder_2": Meaningless(why="All text encoders of the model are used."),
    "model.experimental_xl": Meaningless(why="It has no effect on what is trained."),
    "model.in_context": lacking("There is no such way of giving control pictures here."),
    "model.compile": Turned(to=lambda value, _: {"training.torch_compile": switch(value)}, why="The same.", same=True),
    **dict.fromkeys(
        (f"model.{name}" for name in ("block_compile", "compile_mode", "compile_fullgraph", "compile_dynamic", "cache_size_limit")),
        Meaningless(why="torch_compile compiles each block of the model."),
    ),
    "model.model_kwargs": lacking("Arguments of ai-toolkit's own class for this model, which ComfyUI does not have."),
    "model.model_kwargs.train_high_noise": lacking(_EXPERTS),
    "model.model_kwargs.train_low_noise": lacking(_EXPERTS),
    "model.model_kwargs.llama_model_path": hub_model("text_encoder"),
    "model.model_kwargs.match_target_res": Turned(
        to=lambda value, _: {"buckets.control_size": "same" if switch(value) else "own"}, why="How control pictures are sized."
    ),
}  # fmt: skip
"""Rules of `model`."""

ALGOS = {"lora": "lora", "locon": "locon", "lokr": "lokr", "lierla": "lora", "dora": "lora", "c3lier": "locon"}


def algo(said: Said) -> str:
    """Return the network's type in lower case; ai-toolkit's default is lora."""
    return str(said.get("network.type", "lora")).lower()


def _full_rank(said: Said) -> bool:
    return algo(said) == "lokr" and switch(said.get("network.lokr_full_rank", True))


def _type(value: Any, said: Said) -> Paths:
    if algo(said) not in ALGOS:
        raise ValueError("There is no such type of network here: lora is trained.")
    dora: dict[str, Any] = {"network.dora": True} if algo(said) == "dora" else {}
    whole_: dict[str, Any] = {"network.rank": 100000, "network.full_matrix": True} if _full_rank(said) else {}
    return {"network.algo": ALGOS[algo(said)], **dora, **whole_}


def _rank(value: Any, said: Said) -> Paths:
    only_if(not _full_rank(said), "lokr_full_rank: LoKr has the full rank.")
    return {"network.rank": whole(value)}


def _alpha(value: Any, said: Said) -> Paths:
    only_if(not _full_rank(said), "lokr_full_rank: LoKr with the full rank has no alpha.")
    return {"network.alpha": value}


def _plain_alpha(value: Any, said: Said) -> Paths:
    only_if("network.linear_alpha" not in said, "linear_alpha is said, too, and counts.")
    return _alpha(value, said)


def _conv(path: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        only_if(convolutions(said) or not family(said), "This model has no 3x3 convolutions.")
        only_if(not _full_rank(said), "lokr_full_rank: LoKr has the full rank.")
        paths: dict[str, Any] = {path: value}
        if path.endswith("conv_rank") and "network.conv_alpha" not in said:
            paths["network.conv_alpha"] = value
        return paths

    return Turned(to=to, why="The rank of 3x3 convolutions; without conv_alpha their alpha is the same.", same=True)


def _lokr(path: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        only_if(algo(said) == "lokr", "It is for LoKr.")
        return {path: value} if path.endswith("factor") else _type(value, said)

    return Turned(to=to, why="LoKr: the large block is not decomposed.")


def _contains(path: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        parts = [str(each) for each in value] if isinstance(value, list) else [str(value)]
        patterns = []
        for each in parts:
            found = _LAYERS.fullmatch(each.strip("."))
            if not found or not family(said).startswith(("Flux", "Chroma")):
                raise ValueError(
                    "The layers have diffusers' names there, and other names in ComfyUI: write expressions for them into "
                    f"{path.rpartition('.')[2]} of Network Config, which lists the names if one does not match."
                )
            single = found["kind"].startswith("single")
            block = f"{'single' if single else 'double'}_blocks" + (
                rf"\.{found['number']}\." if found["number"] else ""
            )
            patterns.append(block + (r".*linear2" if found["layer"] and single else ""))
        return {path: "\n".join(patterns)}

    return Turned(to=to, why="The blocks by the names that they have in ComfyUI.")


def _only_blocks(value: Any, said: Said) -> Paths:
    return {"network.preset": "attn-mlp" if switch(value) and not convolutions(said) else "full"}


_INCLUDE, _EXCLUDE = _contains("network.include"), _contains("network.exclude")
NETWORK_WORDS: dict[str, Rule] = {
    "network.type": Turned(to=_type, why="The type of network; LoKr has the full rank unless lokr_full_rank is off."),
    "network.linear": Turned(to=_rank, why="The rank.", same=True),
    "network.rank": Turned(to=_rank, why="The rank.", same=True),
    "network.linear_alpha": Turned(to=_alpha, why="Alpha.", same=True),
    "network.alpha": Turned(to=_plain_alpha, why="Alpha.", same=True),
    "network.conv": _conv("network.conv_rank"),
    "network.conv_alpha": _conv("network.conv_alpha"),
    "network.dropout": Turned(to=lambda value, _: {"network.dropout": value or 0.0}, why="The dropout of the network.", same=True),
    "network.transformer_only": Turned(to=_only_blocks, why="Which layers are trained: those of the blocks, or all, as in U-Nets."),
    "network.lokr_full_rank": _lokr("network.full_matrix"),
    "network.lokr_factor": _lokr("network.factor"),
    "network.old_lokr_format": Meaningless(why="How ai-toolkit writes the file."),
    "network.split_multistage_loras": Meaningless(why="How ai-toolkit writes files of models with two experts."),
    "network.layer_offloading": _PLACES,
    "network.pretrained_lora_path": Turned(
        to=lambda value, _: {"network.network_weights": str(value)}, why="The LoRA that is trained on: choose its file."
    ),
    "network.all_layers": lacking("Norms are trained with train_norm of Network Config, and other layers not."),
    "network.lorm": lacking("There is no LoRM here: lora is trained."),
    "network.normalize": lacking("There is no such thing here."),
    "network.network_kwargs.only_if_contains": _INCLUDE,
    "network.network_kwargs.ignore_if_contains": _EXCLUDE,
    "network.network_kwargs": lacking("Arguments of ai-toolkit's own network, which this one does not have."),
    "model.only_if_contains": _INCLUDE,
    "model.ignore_if_contains": _EXCLUDE,
}  # fmt: skip
"""Rules of `network`."""
