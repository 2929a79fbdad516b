"""What sd-scripts and LyCORIS say of the network: its module, its arguments, and what is trained (Network Config, Block Config)."""

from __future__ import annotations

import re
from typing import Any

from ..rules import Given, Meaningless, Paths, Rule, Said, Same, Turned, Vocabulary
from ..values import is_on, number, switch, text, whole
from .reasons import SHOWN, lacking
from .sd_scripts_family import ANIMA, FLUX_LIKE, HUNYUAN, LUMINA, SD3, family

_LYCORIS_MODULES = ("lycoris.kohya", "locon.locon_kohya", "lycoris")
_KOHYA = ("lora", "lora_flux", "lora_sd3", "lora_lumina", "lora_anima", "lora_hunyuan_image")
_ALGOS = {"lora": "locon", "locon": "locon", "(ia)^3": "ia3", "oft": "diag-oft", "diag_oft": "diag-oft"}
"""Algorithms that LyCORIS calls otherwise; its own "lora" is LoCon."""


def is_lycoris(said: Said) -> bool:
    """Return whether the network is one of LyCORIS."""
    return str(said.get("network_module") or "").strip() in _LYCORIS_MODULES


def network_args(value: Any) -> list[Given]:
    """Return each of the network_args by the vocabulary's name, such as "network_args conv_dim"; `value`: a list, or one text."""
    return [Given(name=f"network_args {name.strip()}", value=inner.strip()) for name, inner in arguments(value)]


def arguments(value: Any) -> list[tuple[str, str]]:
    """Return (name, value) of arguments such as ["algo=lokr", "factor=8"] or "algo=lokr factor=8"; of an object its members."""
    if isinstance(value, dict):
        return [(str(name), text(inner)) for name, inner in value.items()]
    parts = value if isinstance(value, (list, tuple)) else re.findall(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""", text(value))
    found = []
    for part in parts:
        words = text(part).strip().strip("\"'")
        # one text with several arguments is split where the next name begins
        for word in re.split(r"\s+(?=[A-Za-z_]\w*=)", words):
            name, sign, inner = word.partition("=")
            if name.strip():
                found.append((name.strip(), inner.strip().strip("\"'") if sign else ""))
    return found


def _module(value: Any, said: Said) -> Paths:
    name = text(value).strip()
    last = name.rpartition(".")[2]
    if name in _LYCORIS_MODULES:
        algo = {} if said.get("network_args algo") else {"network.algo": "locon"}
        preset = {} if said.get("network_args preset") else {"network.preset": "full"}
        return algo | preset
    if not name.startswith("networks."):
        raise ValueError(f"There is no network {name} here: LoRA, LyCORIS' networks and DyLoRA are trained.")
    if last == "lora_fa":
        raise ValueError(
            "LoRA-FA leaves one half of each pair of matrices as it is; here both are trained (algo lora)."
        )
    if last in _KOHYA:
        return {"network.algo": "lora", "network.preset": "attn-mlp"}
    if last in ("loha", "lokr", "dylora"):
        return {"network.algo": last, "network.preset": "attn-mlp"}
    if last in ("oft", "oft_flux", "oft_lumina"):
        return {"network.algo": "diag-oft", "network.preset": "attn-only"}
    raise ValueError(f"There is no network {name} here: LoRA, LyCORIS' networks and DyLoRA are trained.")


def _algo(value: Any, _said: Said) -> Paths:
    name = text(value).strip().lower()
    return {"network.algo": _ALGOS.get(name, name)}


def _preset(value: Any, _said: Said) -> Paths:
    name = text(value).strip()
    if name.endswith(".toml"):
        raise ValueError("It names a file with a preset: paste that file's text into preset_toml of Network Config.")
    return {"network.preset": name}


def _trained(value: Any, said: Said) -> Paths:
    """Of network_train_unet_only: what the two switches say together."""
    del value
    both = (
        is_on(said.get("network_train_unet_only"), unclear=True),
        is_on(said.get("network_train_text_encoder_only"), unclear=True),
    )
    if both[1] and not both[0]:
        return {"network.train": "text encoder"}
    if both[0]:
        return {"network.train": "unet"}
    kind = family(said)
    if kind in (LUMINA, ANIMA, HUNYUAN):
        raise ValueError(
            "sd-scripts trains the text encoder of this model as well; here only its diffusion model is trained."
        )
    return {"network.train": "unet + text encoder", **_encoder_rates(said, kind)}


def _encoder_rates(said: Said, kind: str) -> Paths:
    """Return text_encoder_lr for models whose T5 sd-scripts leaves as it is unless train_t5xxl is given."""
    if kind not in (SD3, *FLUX_LIKE) or is_on(said.get("network_args train_t5xxl"), unclear=True):
        return {}
    return {"optimizer.text_encoder_lr": encoder_rates(said.get("text_encoder_lr"), said)}


def encoder_rates(value: Any, said: Said) -> str:
    """Return text_encoder_lr as it is written here: one rate, or one for each encoder, with 0 for a T5 that is not trained."""
    given = [rate(each) for each in re.split(r"[,\s]+", text(value).strip("[]() ")) if each.strip("'\"")]
    kind = family(said)
    clips = {SD3: 2} | dict.fromkeys(FLUX_LIKE, 1)
    if kind not in clips or is_on(said.get("network_args train_t5xxl"), unclear=True):
        return ", ".join(given)
    if not given:
        given = [rate(said.get("learning_rate") or 2e-6)]
    first = (given * clips[kind])[: clips[kind]] if len(given) == 1 else given[: clips[kind]]
    return ", ".join([*first, "0"])


def rate(value: Any) -> str:
    """Return a learning rate as it is written, or of a number its shortest form, such as 1e-5; ValueError: it is no rate."""
    found = number(value)
    return value.strip("'\" ") if isinstance(value, str) else re.sub(r"e-0+", "e-", f"{found:g}")


def _cp(value: Any, _said: Said) -> Paths:
    return {"network.use_tucker": not switch(value)}


def _ratio(value: Any, said: Said) -> Paths:
    both = {text(said.get(f"network_args loraplus_{name}_lr_ratio")) for name in ("unet", "text_encoder")} - {""}
    if len(both) > 1:
        raise ValueError("U-Net and text encoders have the same loraplus_lr_ratio here: set it in Network Config.")
    return {"network.loraplus_lr_ratio": value}


def _blocks(value: Any, _said: Said) -> Paths:
    kind = text(value).strip()
    if kind not in ("all", "single", "double"):
        raise ValueError("train_blocks is all, single or double.")
    return {} if kind == "all" else {"network.include": f"{kind}_blocks"}


def _chosen(kinds: tuple[str, ...]) -> Turned:
    def to(_value: Any, said: Said) -> Paths:
        patterns = []
        for kind, option in _INDICES:
            if kind in kinds and (given := text(said.get(f"network_args {option}")).strip()) and given != "all":
                patterns += [f"{kind}[._]({'|'.join(map(str, _numbers(given)))})[._]"] if given != "none" else []
            elif kind in kinds and given != "none":
                patterns.append(kind)
        return {"network.include": "\n".join(patterns)}

    return Turned(to=to, why="The blocks by name: only layers whose name matches are trained.")


_INDICES = (
    ("double_blocks", "train_double_block_indices"),
    ("single_blocks", "train_single_block_indices"),
    ("joint_blocks", "train_block_indices"),
)


def _numbers(given: str) -> list[int]:
    """Return the numbers of "0,2,5-7"; ValueError for another text."""
    found: list[int] = []
    for part in given.split(","):
        first, sign, last = part.partition("-")
        low, high = whole(first), whole(last if sign else first)
        if not 0 <= low <= high < 1000:
            raise ValueError("Blocks are numbers such as 0,2,5-7.")
        found += range(low, high + 1)
    return found


_DIMS = {
    "img_attn_dim": "img_attn",
    "txt_attn_dim": "txt_attn",
    "img_mlp_dim": "img_mlp",
    "txt_mlp_dim": "txt_mlp",
    "img_mod_dim": "img_mod",
    "txt_mod_dim": "txt_mod",
    "single_dim": "single_blocks.*linear",
    "single_mod_dim": "single_blocks.*modulation",
    "x_attn_dim": "x_block.*attn",
    "x_mlp_dim": "x_block.*mlp",
    "x_mod_dim": "x_block.*adaLN_modulation",
    "context_attn_dim": "context_block.*attn",
    "context_mlp_dim": "context_block.*mlp",
    "context_mod_dim": "context_block.*adaLN_modulation",
    "attn_dim": "attention",
    "mlp_dim": "feed_forward",
    "mod_dim": "adaLN_modulation",
    "refiner_dim": "refiner",
}
"""Argument with the rank of some layers -> the layers' names, as a regular expression."""


def _by_layer(_value: Any, said: Said) -> Paths:
    """Return the ranks by layer name of all arguments together."""
    found = [
        f"{layers}={whole(said[f'network_args {name}'])}"
        for name, layers in _DIMS.items()
        if said.get(f"network_args {name}") not in (None, "")
    ]
    own = text(said.get("network_args network_reg_dims")).strip()
    return {"network.blocks.reg_dims": "\n".join([*([own] if own else []), *found])}


_LAYERS = Turned(to=_by_layer, why="Ranks by layer name, in Block Config.")


def rules() -> Vocabulary:
    """Return the rules that differ from a setting with the same meaning."""
    args: dict[str, Rule] = {
        "algo": Turned(to=_algo, why="The same kind of network; what LyCORIS calls lora is locon here."),
        "preset": Turned(to=_preset, why="The same preset.", same=True),
        "dim": Same(path="network.rank"),
        "alpha": Same(path="network.alpha"),
        "linear_dim": Same(path="network.rank"),
        "linear_alpha": Same(path="network.alpha"),
        "dropout": Same(path="network.dropout"),
        "unit": Same(path="network.block_size"),
        "weight_decompose": Same(path="network.dora"),
        "dora": Same(path="network.dora"),
        "use_cp": Same(path="network.use_tucker"),
        "use_conv_cp": Same(path="network.use_tucker"),
        "disable_conv_cp": Turned(to=_cp, why="use_tucker is its opposite."),
        "decompose_factor": Same(path="network.factor"),
        "loraplus_unet_lr_ratio": Turned(to=_ratio, why="One ratio for the whole network."),
        "loraplus_text_encoder_lr_ratio": Turned(to=_ratio, why="One ratio for the whole network."),
        "train_t5xxl": Turned(to=lambda _v, _s: {}, why="With it T5 has text_encoder_lr; without it, 0."),
        "train_blocks": Turned(to=_blocks, why="The blocks by name: only layers whose name matches are trained."),
        "train_double_block_indices": _chosen(("double_blocks", "single_blocks")),
        "train_single_block_indices": _chosen(("double_blocks", "single_blocks")),
        "train_block_indices": _chosen(("joint_blocks",)),
        "network_reg_dims": _LAYERS,
        "verbose": Meaningless(why=SHOWN),
        "bypass_mode": Meaningless(
            why="How the network's part is computed is chosen here; what is learned is the same."
        ),
        "rank_dropout_scale": lacking("What rank_dropout leaves is not scaled up here."),
        "use_scalar": lacking("Layers have no trained scale of their own here."),
        "rescaled": lacking("BOFT and OFT are not rescaled here."),
        "unbalanced_factorization": lacking("LoKr's two blocks are split as factor says; they are not swapped here."),
        "split_qkv": lacking("Query, key and value have one network together here."),
        "ggpo_sigma": lacking("There is no GGPO here."),
        "ggpo_beta": lacking("There is no GGPO here."),
        "in_dims": lacking("The input layers of the model are not trained by rank here; preset full trains them."),
        "emb_dims": lacking("The input layers of the model are not trained by rank here; preset full trains them."),
        "embedder_dims": lacking(
            "The input layers of the model are not trained by rank here; preset full trains them."
        ),
        "enable_all_linear": lacking("In Network Config, preset attn-mlp trains all Linear layers of the blocks."),
        "enable_conv": lacking("In Network Config, preset full with conv_rank trains the convolutions."),
        "train_llm_adapter": lacking("The text adapter of Anima is not trained here."),
        "train_on_input": Turned(to=lambda _v, _s: {}, why="ia3 decides for each layer as LyCORIS does."),
        "exclude_name": Same(path="network.exclude"),
    }
    args |= dict.fromkeys(_DIMS, _LAYERS)
    return {
        **{f"network_args {name}": rule for name, rule in args.items()},
        "network_args": Turned(to=lambda _v, _s: {}, why="Each argument is read by itself."),
        "network_module": Turned(
            to=_module,
            why="The network's kind, and the layers that this module trains: LyCORIS all, sd-scripts' own those of the transformer blocks.",
        ),
        "network_train_unet_only": Turned(
            to=_trained, why="Both switches together are one choice here: train of Network Config."
        ),
        "network_train_text_encoder_only": Turned(
            to=_trained, why="Both switches together are one choice here: train of Network Config."
        ),
    }
