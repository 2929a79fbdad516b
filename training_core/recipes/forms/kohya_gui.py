"""Settings saved by the kohya GUI (bmaltais' kohya_ss), of all its versions -> what it would hand to sd-scripts (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import AthanorError
from ..document import Document
from ..form import Form
from ..rules import Contents, Entry
from ..values import is_on, text
from . import kohya_gui_values as values
from .kohya_gui_names import (
    GUI_ONLY,
    MEMBERS,
    MODELS,
    NO_EFFECT,
    OF_ALL_TYPES,
    OFF_AT_ZERO,
    PREFIXES,
    RENAMED,
    SAID_WHEN_OFF,
    SCRIPTS,
    TYPES,
)
from .kohya_gui_words import ANOTHER_MODEL, ANOTHER_NOISE, ANOTHER_TYPE, EMPTY, KOHYA_GUI, OF_THE_GUI, OFF

_SIGNS = (
    "LoRA_type", "lr_warmup", "max_resolution", "train_batch_size", "num_cpu_threads_per_process", "stop_text_encoder_training",
    "stop_text_encoder_training_pct", "model_list", "epoch", "LyCORIS_preset", "flux1_checkbox", "noise_offset_type",
    "additional_parameters", "mem_eff_attn", "sdxl_no_half_vae", "max_data_loader_n_workers", "caption_extention", "use_8bit_adam",
)  # fmt: skip
"""Fields that the GUI's files have, of which other programs have few."""
_ENOUGH = 4
_NOTHING: tuple[Any, ...] = (None, "", [])
_NOISE = {
    "original": ("noise_offset", "noise_offset_random_strength", "adaptive_noise_scale"),
    "multires": ("multires_noise_iterations", "multires_noise_discount"),
}


def _read(document: Document) -> Contents | None:
    """Return what the GUI would hand to sd-scripts.

    Raises:
        AthanorError: the file is of its tab for embeddings, which are not trained here.
    """
    config = document.json
    if not isinstance(config, dict) or sum(name in config for name in _SIGNS) < _ENOUGH:
        return None
    if "num_vectors_per_token" in config or "token_string" in config:
        raise AthanorError(
            f"{document.title} trains an embedding (Textual Inversion): here LoRAs and whole models are trained."
        )
    return Contents(entries=tuple(_given(config)), datasets=2 if text(config.get("reg_data_dir")).strip() else 1)


def _given(config: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield what each field says, by sd-scripts' name."""
    kind = _kind(config)
    yield from _model(config, kind)
    if _is_network(config):
        yield from _network(config)
    for name, value in sorted(config.items(), key=lambda each: each[0] == "additional_parameters"):
        if name in SCRIPTS or name == "LoRA_type":
            if name not in (f"{kind}_checkbox", kind, "LoRA_type"):
                yield Entry(name=OFF, shown=name, value=value)
        elif value in _NOTHING and name not in values.OF_AN_EMPTY_BOX:
            yield Entry(name=EMPTY, shown=name, value="")
        elif name in MEMBERS and _is_network(config):
            yield from _member(name, value, config)
        elif name in values.FIELDS:
            yield from values.FIELDS[name](name, value, config)
        elif name in GUI_ONLY:
            yield Entry(name=OF_THE_GUI, shown=name, value=value)
        else:
            yield _field(name, value, config, kind)


def _kind(config: Mapping[str, Any]) -> str:
    """Return the kind of model whose switch is on, "" for SD1.5 and SD2."""
    for name in SCRIPTS:
        if is_on(config.get(name)):
            return name.removesuffix("_checkbox")
    return ""


def _is_network(config: Mapping[str, Any]) -> bool:
    return "LoRA_type" in config or "network_dim" in config


def _model(config: Mapping[str, Any], kind: str) -> Iterator[Entry]:
    """Yield which script the GUI runs: it tells the kind of the model, and whether the model itself is trained."""
    switch_name = next((name for name in SCRIPTS if is_on(config.get(name))), "")
    script = SCRIPTS.get(switch_name, "train_network.py")
    if not _is_network(config):
        script = {"train_network.py": "train_db.py"}.get(script, script.replace("_network", ""))
    shown = switch_name or ("v2" if is_on(config.get("v2")) else "no other kind of model is chosen")
    yield Entry(name="script", shown=shown if _is_network(config) else "no network: the whole model", value=script)


def _network(config: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield sd-scripts' module and algorithm for the type of LoRA; files from before there were types are of the standard one."""
    written = text(config.get("LoRA_type") or "Standard")
    module, algo, _ = _type(config)
    if not module:
        yield Entry(name="LoRA_type", value=written)
        return
    sd3 = module == "networks.lora" and is_on(config.get("sd3_checkbox"))
    yield Entry(name="network_module", shown=f"LoRA_type {written}", value="networks.lora_sd3" if sd3 else module)
    if algo:
        yield Entry(name="network_args algo", shown=f"LoRA_type {written}", value=algo)


def _type(config: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    name = text(config.get("LoRA_type") or "Standard").strip().lower()
    return TYPES.get({"locon": "lycoris/locon"}.get(name, name), ("", "", ()))


def _member(name: str, value: Any, config: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield an argument of the network, where the type of LoRA has it."""
    if name not in (*_type(config)[2], *OF_ALL_TYPES):
        yield Entry(name=ANOTHER_TYPE, shown=name, value=value)
    elif _is_off(name, value):
        yield Entry(name=OFF, shown=name, value=value)
    else:
        yield Entry(name=f"network_args {MEMBERS[name]}", shown=name, value=value)


def _field(name: str, value: Any, config: Mapping[str, Any], kind: str) -> Entry:
    """Return what any other field says: it has the option's name, or begins with the kind of model that it is for."""
    option = RENAMED.get(name, name)
    for prefix, model in PREFIXES.items():
        if name.startswith(prefix) and name not in RENAMED:
            option = _of_model(name.removeprefix(prefix))
            if kind != model:
                return Entry(name=ANOTHER_MODEL, shown=name, value=value)
            break
    else:
        if name in MODELS and kind not in MODELS[name]:
            return Entry(name=ANOTHER_MODEL, shown=name, value=value)
    noise = text(config.get("noise_offset_type")).strip().lower()
    if any(name in names and noise not in ("", other) for other, names in _NOISE.items()):
        return Entry(name=ANOTHER_NOISE, shown=name, value=value)
    if _is_off(option, value):
        return Entry(name=OFF, shown=name, value=value)
    return Entry(name=option, shown=name, value=value)


def _of_model(option: str) -> str:
    return {"dropout_rate": "clip_l_dropout_rate"}.get(option, option)


def _is_off(name: str, value: Any) -> bool:
    """Whether the GUI hands nothing on: a switch that is off, and a number whose 0 means so."""
    if value is False or (isinstance(value, str) and value.strip().lower() == "false"):
        return name not in SAID_WHEN_OFF
    if NO_EFFECT.get(name) == text(value):
        return True
    return name in OFF_AT_ZERO and not isinstance(value, bool) and str(value).strip() in ("0", "0.0")


GUI = Form(title="kohya GUI settings", program=KOHYA_GUI, read=_read)
