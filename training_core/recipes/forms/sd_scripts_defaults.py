"""What sd-scripts does where a recipe says nothing, as far as it is not what happens here (version 0.10.1)."""

from __future__ import annotations

from typing import Any

from ..rules import Said
from ..values import is_on, text
from .sd_scripts_family import ANIMA, FLOW, FLUX_LIKE, HUNYUAN, LUMINA, SD3, WHOLE_MODEL, family, script_name
from .sd_scripts_network import is_lycoris

_OF_A_RUN = (
    "script",
    "pretrained_model_name_or_path",
    "network_module",
    "network_dim",
    "learning_rate",
    "unet_lr",
    "optimizer_type",
    "max_train_epochs",
    "max_train_steps",
    "output_name",
)
"""Options of which a command or a config file has at least one; the TOML of a dataset alone has none."""
_FLUX = {
    "timestep_sampling": "sigma",
    "discrete_flow_shift": 3.0,
    "guidance_scale": 3.5,
    "model_prediction_type": "sigma_scaled",
}
_BY_FAMILY: dict[str, dict[str, Any]] = {
    **dict.fromkeys(FLUX_LIKE, _FLUX),
    SD3: {"weighting_scheme": "uniform", "training_shift": 1.0, "model_prediction_type": "sigma_scaled"},
    LUMINA: {"timestep_sampling": "shift", "discrete_flow_shift": 6.0},
    ANIMA: {"timestep_sampling": "sigmoid"},
    HUNYUAN: {"timestep_sampling": "sigma", "discrete_flow_shift": 5.0},
}
"""Family -> options whose defaults are not what is usual for the model here."""

_SAMPLES: dict[str, dict[str, Any]] = {
    "": {"sample_sampler": "ddim", "sample_steps": 30, "sample_cfg": 7.5},
    **{kind: {"sample_cfg": 1.0} for kind in FLUX_LIKE},
    SD3: {"sample_steps": 30, "sample_cfg": 7.5},
    ANIMA: {"sample_steps": 30, "sample_cfg": 7.5},
    LUMINA: {"sample_steps": 38, "sample_cfg": 3.5, "sample_width": 1024, "sample_height": 1024},
    HUNYUAN: {"sample_cfg": 3.5},
}
"""Family -> how sample pictures are drawn whose prompts do not say it; "": SD1.5, SD2 and SDXL."""


def implied(said: Said) -> dict[str, Any]:
    """Return names and values that sd-scripts takes by itself where a recipe does not say them."""
    found: dict[str, Any] = {}
    run = any(name in said for name in _OF_A_RUN) and not _elsewhere(said, "config_file", "options")
    pictures = any(name in said for name in ("train_data_dir", "resolution", "train_batch_size", "datasets"))
    pictures = (run or pictures) and not _elsewhere(said, "dataset_config", "datasets")
    if pictures:
        found |= {"enable_bucket": False, "caption_extension": ".caption"}
    if not run:
        return found
    return found | _of_a_run(said)


def _elsewhere(said: Said, option: str, marker: str) -> bool:
    """Return whether a recipe names a further file that is not here: nobody can tell then what it does not say."""
    return bool(said.get(option)) and marker not in said


def _of_a_run(said: Said) -> dict[str, Any]:
    found: dict[str, Any] = {"mixed_precision": "no", "save_precision": saved_format(said)}
    if is_empty(said, "max_train_epochs"):
        found["max_train_steps"] = 1600
    if all(is_empty(said, name) for name in ("save_every_n_epochs", "save_n_epoch_ratio")):
        found["save_every_n_epochs"] = 0
    if not (
        _given(said, "unet_lr")
        and (_given(said, "text_encoder_lr") or is_on(said.get("network_train_unet_only"), unclear=True))
    ):
        found["learning_rate"] = 2e-6
    whole_model = script_name(text(said.get("script"))) in WHOLE_MODEL
    if not whole_model:
        found |= _network(said)
    found |= _timesteps(said)
    if any(_given(said, name) for name in ("sample_every_n_steps", "sample_every_n_epochs")):
        found |= {"sample_at_first": False, **_SAMPLES.get(family(said), _SAMPLES[""])}
    elif any(_given(said, name) for name in ("sample_prompts", "prompts", "sample_at_first")):
        found |= {"sample_every_n_epochs": 0, "sample_at_first": False}
    return found


def _network(said: Said) -> dict[str, Any]:
    found: dict[str, Any] = {"network_dim": 4, "network_alpha": 1, "network_train_unet_only": False}
    if is_lycoris(said) and family(said) not in FLOW:
        found |= {
            "network_args conv_dim": said.get("network_dim") or 4,
            "network_args conv_alpha": said.get("network_alpha") or 1,
        }
    elif said.get("network_module") == "networks.dylora":
        found["network_args unit"] = 1
    return found


def _timesteps(said: Said) -> dict[str, Any]:
    kind = family(said)
    found = dict(_BY_FAMILY.get(kind, {}))
    if said.get("timestep_sampling") in ("uniform", "sigmoid", "flux_shift", "nextdit_shift"):
        found.pop("discrete_flow_shift", None)
    return found


def saved_format(said: Said) -> str:
    """Return the number format in which files are saved where save_precision is not given: that of the weights."""
    return next((kind for kind in ("fp16", "bf16") if is_on(said.get(f"full_{kind}"), unclear=True)), "float")


def is_empty(said: Said, name: str) -> bool:
    """Return whether an option is missing, empty or 0."""
    return said.get(name) in (None, "", 0, "0")


def _given(said: Said, name: str) -> bool:
    return not is_empty(said, name)
