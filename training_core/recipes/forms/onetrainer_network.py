"""OneTrainer's words for the network: LoRA, LoHa, OFT, LoKr and DoRA, and which layers get it."""

from __future__ import annotations

import re
from typing import Any

from ..rules import Meaningless, Paths, Rule, Said, Turned
from ..values import number, number_format, switch, whole
from .nested import above_zero, only_if
from .onetrainer_models import finetunes, kind

ALGOS = {"LORA": "lora", "LOHA": "loha", "OFT_2": "diag-oft", "LOKR": "lokr"}
_NO_NETWORK = "The model's own weights are trained, without a network."
_PRESETS = {"full": "full", "blocks": "attn-mlp", "attn-mlp": "attn-mlp", "attn-only": "attn-only"}
_EVERY_MODEL = re.compile(r"attn[12]?|to_[qkv]|to_out|ff|ff\.net|transformer_blocks?")
"""Names of layers that are the same in diffusers, which OneTrainer goes by, and in ComfyUI's U-Nets."""


def peft(said: Said) -> str:
    """Return the type of network; OneTrainer's default is LORA."""
    return str(said.get("peft_type", "LORA"))


def _algo(value: Any, said: Said) -> Paths:
    only_if(not finetunes(said), _NO_NETWORK)
    if value not in ALGOS:
        raise ValueError("This type of network is not known here: lora is trained instead.")
    return {"network.algo": ALGOS[value], **(_rank(said) if value != "LORA" else {})}


def _rank(said: Said) -> Paths:
    name = {"LOKR": "lokr_dim", "OFT_2": "oft_block_size"}.get(peft(said), "lora_rank")
    rank = whole(said.get(name) or (32 if name == "oft_block_size" else 16))
    paths: dict[str, Any] = {"network.rank": rank}
    if _every_layer(said) and kind(said).convolutions:
        paths |= {"network.conv_rank": rank, "network.conv_alpha": number(said.get("lora_alpha") or 1)}
    return paths


def _every_layer(said: Said) -> bool:
    return str(said.get("layer_filter_preset") or "full") == "full" and not str(said.get("layer_filter") or "").strip()


def _sized(of: tuple[str, ...]) -> Any:
    def to(value: Any, said: Said) -> Paths:
        only_if(not finetunes(said), _NO_NETWORK)
        only_if(peft(said) in of, f"It is for another type of network: peft_type is {peft(said)}.")
        return _rank({**said, {"LOKR": "lokr_dim", "OFT_2": "oft_block_size"}.get(peft(said), "lora_rank"): value})

    return to


def _alpha(value: Any, said: Said) -> Paths:
    only_if(not finetunes(said), _NO_NETWORK)
    only_if(peft(said) != "OFT_2", "OFT has no alpha.")
    convolutions = _every_layer(said) and kind(said).convolutions
    return {"network.alpha": value} | ({"network.conv_alpha": value} if convolutions else {})


def _for(type_: str, path: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        only_if(not finetunes(said), _NO_NETWORK)
        only_if(peft(said) == type_, f"It is for another type of network: peft_type is {peft(said)}.")
        return {path: value}

    return Turned(to=to, why="The same setting, by its name here.", same=True)


def _norms_on_output(type_: str, dora: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        only_if(not finetunes(said) and peft(said) == type_ and switch(said.get(dora, False)), "DoRA is off.")
        return {"network.wd_on_output": value}

    return Turned(to=to, why="DoRA: one magnitude per output row, or else per input column.")


def _tucker(value: Any, said: Said) -> Paths:
    only_if(switch(value) and peft(said) == "LOKR", "It is off.")
    raise ValueError("LoKr with Tucker decomposition is not drawn right by ComfyUI's loader: it is trained without.")


def _dropout(value: Any, said: Said) -> Paths:
    only_if(not finetunes(said), _NO_NETWORK)
    if above_zero(value) and peft(said) != "LORA":
        raise ValueError("Dropout is for lora and locon here; rank_dropout and module_dropout are there for all.")
    return {"network.dropout": value}


def _preset(value: Any, said: Said) -> Paths:
    only_if(not finetunes(said), _NO_NETWORK)
    name = str(value or "full")
    if name in _PRESETS and not (name == "full" and str(said.get("layer_filter") or "").strip()):
        return {"network.preset": _PRESETS[name]}
    only_if(name in ("custom", "full"), "The preset is not known here; layer_filter tells the layers.")
    return {}


def _filter(value: Any, said: Said) -> Paths:
    only_if(not finetunes(said), _NO_NETWORK)
    text = str(value or "").strip()
    only_if(bool(text), "Empty: the preset tells which layers are trained.")
    only_if(
        str(said.get("layer_filter_preset") or "full") not in ("attn-mlp", "attn-only", "blocks"),
        "These are the layers of layer_filter_preset, which is taken over.",
    )
    parts = [each.strip() for each in text.split(",") if each.strip()]
    if parts == ["attentions"]:
        return {"network.preset": "attn-mlp"}
    if not kind(said).convolutions or not all(_EVERY_MODEL.fullmatch(each) for each in parts):
        raise ValueError(
            "The layers have diffusers' names there, and other names in ComfyUI: write expressions for them into include of "
            "Network Config, which lists the names if one does not match."
        )
    return {"network.preset": "full-lin", "network.include": "\n".join(each.replace(".", r"\.") for each in parts)}


def _precision(value: Any, said: Said) -> Paths:
    only_if(not finetunes(said), _NO_NETWORK)
    format_ = number_format(value, "no") or "no"
    if format_ != "no" and str(said.get("train_dtype", "FLOAT_16")) != value:
        raise ValueError("Weights in 16 bits need arithmetic in the same format (train_dtype): they stay in float32.")
    return {"training.full_precision": format_}


_OFT = Meaningless(
    why="It is off, or for another type of network.", unless=bool, otherwise="There is no such thing for diag-oft here."
)
NETWORK_WORDS: dict[str, Rule] = {
    "peft_type": Turned(to=_algo, why="The type of network; OFT is nearest to diag-oft."),
    "lora_model_name": Turned(
        to=lambda value, _: {"network.network_weights": str(value)} if value else {},
        why="The LoRA that is trained on: choose its file.",
    ),
    "lora_rank": Turned(
        to=_sized(("LORA", "LOHA")), why="The rank; where every layer of a U-Net is trained, also that of the convolutions."
    ),
    "lora_alpha": Turned(to=_alpha, why="Alpha; where every layer of a U-Net is trained, also that of the convolutions."),
    "lora_decompose": _for("LORA", "network.dora"),
    "lora_decompose_norm_epsilon": Meaningless(why="DoRA's norms never become zero here."),
    "lora_decompose_output_axis": _norms_on_output("LORA", "lora_decompose"),
    "lora_weight_dtype": Turned(to=_precision, why="The number format of the network's weights during training."),
    "oft_block_size": Turned(to=_sized(("OFT_2",)), why="The rank of diag-oft is the size of its blocks."),
    "oft_block_share": _OFT,
    "oft_scaled": _OFT,
    "oft_coft": _OFT,
    "coft_eps": Meaningless(why="It belongs to oft_coft."),
    "lokr_dim": Turned(to=_sized(("LOKR",)), why="The rank; where every layer of a U-Net is trained, also that of the convolutions."),
    "lokr_decompose_both": _for("LOKR", "network.decompose_both"),
    "lokr_decompose_factor": _for("LOKR", "network.factor"),
    "lokr_use_tucker": Turned(to=_tucker, why=""),
    "lokr_weight_decompose": _for("LOKR", "network.dora"),
    "lokr_dora_on_output": _norms_on_output("LOKR", "lokr_weight_decompose"),
    "lokr_full_matrix": _for("LOKR", "network.full_matrix"),
    "lokr_vec_trick": Meaningless(why="It makes LoKr faster there, and changes nothing that is learned."),
    "dropout_probability": Turned(to=_dropout, why="The dropout of the network.", same=True),
    "layer_filter_preset": Turned(
        to=_preset, why="The preset of the same layers; single ones of a block, such as modulation, may differ."
    ),
    "layer_filter": Turned(to=_filter, why="Parts of layers' names, as expressions in include."),
    "layer_filter_regex": Meaningless(why="It says how layer_filter is written."),
    "bundle_additional_embeddings": Meaningless(why="No embeddings are trained here."),
    "embedding": Meaningless(why="It is for training embeddings, which are not trained here."),
    "embeddings": Meaningless(why="It is for training embeddings, which are not trained here."),
    "additional_embeddings": Meaningless(
        why="There are none.",
        unless=bool,
        otherwise="Embeddings beside a LoRA are not trained here: their words in captions are read as plain text.",
    ),
    "embedding_learning_rate": Meaningless(why="It is for embeddings, which are not trained here."),
    "embedding_weight_dtype": Meaningless(why="It is for embeddings, which are not trained here."),
    "preserve_embedding_norm": Meaningless(why="It is for embeddings, which are not trained here."),
    "embedding_model_names": Meaningless(why="It is for embeddings, which are not trained here."),
    "extra_model_name": Meaningless(why="It is for embeddings, which are not trained here."),
    "token_count": Meaningless(why="It is for embeddings, which are not trained here."),
    "initial_embedding_text": Meaningless(why="It is for embeddings, which are not trained here."),
}  # fmt: skip
"""Rules of what is said of the network."""
