"""What sd-scripts says of the noise and the loss of models that predict a flow (SD3, Flux, Lumina, Anima, HunyuanImage)."""

from __future__ import annotations

from typing import Any

from ..rules import NoMeaning, Paths, Said, Same, Translated, Vocabulary
from ..values import number, text
from .sd_scripts_family import FLOW, FLUX_LIKE, SD3, family


def _scheme(value: Any, said: Said) -> Paths:
    """Weights of the loss, and densities that SD3 and timestep_sampling sigma draw timesteps by."""
    name, kind = text(value).strip().lower(), family(said)
    scaled = kind == SD3 or kind not in FLUX_LIKE or said.get("model_prediction_type") == "sigma_scaled"
    if name in ("sigma_sqrt", "cosmap"):
        if not scaled:
            raise ValueError(
                "sd-scripts weights the loss only with model_prediction_type sigma_scaled: no effect there."
            )
        return {"loss.weighting_scheme": name, **_density("uniform", said)}
    if name not in ("none", "uniform", "logit_normal", "mode"):
        raise ValueError("weighting_scheme is none, uniform, logit_normal, mode, sigma_sqrt or cosmap.")
    return {"loss.weighting_scheme": "none", **_density(name if name in ("logit_normal", "mode") else "uniform", said)}


def _density(kind: str, said: Said) -> Paths:
    by_scheme = family(said) in (SD3, "") or said.get("timestep_sampling") in (None, "sigma")
    return {"noise.timestep_sampling": kind} if by_scheme else {}


def _timesteps(value: Any, said: Said) -> Paths:
    name = text(value).strip().lower()
    if name == "nextdit_shift":
        raise ValueError(
            "There is no nextdit_shift here: timesteps are drawn as is usual for the model; flux_shift is the nearest."
        )
    if name == "sigma":
        scheme = said.get("weighting_scheme")
        return {"noise.timestep_sampling": scheme if scheme in ("logit_normal", "mode") else "uniform"}
    return {"noise.timestep_sampling": name}


def _shift(value: Any, said: Said) -> Paths:
    sampling = said.get("timestep_sampling")
    if sampling in ("uniform", "sigmoid", "flux_shift", "nextdit_shift"):
        raise NoMeaning(f"sd-scripts does not shift timesteps with timestep_sampling {sampling}: no effect there.")
    return {"noise.flow_shift": value}


def _mean(value: Any, said: Said) -> Paths:
    """sd-scripts' timestep_sampling sigma counts from noise to picture, so that its logit_mean has the other sign."""
    turned = family(said) != SD3 and said.get("timestep_sampling") in (None, "sigma") and family(said) in FLOW
    return {"noise.logit_mean": -number(value) if turned else number(value)}


def _prediction(value: Any, said: Said) -> Paths:
    name, kind = text(value).strip().lower(), family(said)
    if name == "additive":
        raise ValueError("There is no additive here: the loss compares the velocity (raw), as the model was trained.")
    if name == "sigma_scaled" and kind in FLUX_LIKE:
        raise NoMeaning(
            "With it sd-scripts compares a picture with a velocity, which no model was trained for: the velocity is compared (raw)."
        )
    return {"loss.model_prediction_type": name}


def rules() -> Vocabulary:
    """Return the rules of timesteps, of the weight of the loss, in words of Noise Config and Loss Config."""
    return {
        "weighting_scheme": Translated(
            to=_scheme, why="It weights the loss, or says how timesteps are drawn (Noise Config)."
        ),
        "timestep_sampling": Translated(
            to=_timesteps, why="sigma draws evenly and shifts by discrete_flow_shift; the others have the same name."
        ),
        "discrete_flow_shift": Translated(to=_shift, why="flow_shift of Noise Config."),
        "training_shift": Same(path="noise.flow_shift"),
        "logit_mean": Translated(
            to=_mean, why="Counted from picture to noise here, so that its sign may be the other one."
        ),
        "model_prediction_type": Translated(to=_prediction, why="What the loss compares.", same=True),
    }
