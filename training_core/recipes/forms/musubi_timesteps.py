"""How musubi-tuner draws timesteps, and what weights its loss: names and values of Noise Config and Loss Config."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..rules import NoMeaning, Paths, Rule, Said, Turned
from ..values import number, switch, text
from .musubi_family import WAN, family
from .reasons import lacking
from .sd_scripts_pictures import sizes

_USUAL_SIZE = (1024, 1024)
"""Pixels, where a recipe without the file of its dataset tells no resolution."""
SHIFTED = ("sigma", "shift")
"""Values of timestep_sampling that discrete_flow_shift is for."""


def sampling(said: Said) -> str:
    """Return timestep_sampling, in small letters; its default is sigma."""
    return text(said.get("timestep_sampling") or "sigma").strip().lower()


def _size(said: Said) -> tuple[int, int]:
    try:
        return sizes(said.get("resolution") or _USUAL_SIZE)
    except ValueError:
        return _USUAL_SIZE


def _line(x1: int, y1: float, x2: int, y2: float) -> Callable[[Said], float]:
    """Return what gives the factor e^mu at the recipe's resolution; mu lies on a line through two numbers of patches of 16 pixels."""

    def factor(said: Said) -> float:
        width, height = _size(said)
        patches = (width // 16) * (height // 16)
        return round(math.exp(min(10.0, y1 + (patches - x1) * (y2 - y1) / (x2 - x1))), 4)

    return factor


_BY_SIZE = {
    "flux2_shift": _line(256, 0.5, 4096, 1.15),
    "qwen_shift": _line(256, 0.5, 8192, 0.9),
    "krea2_shift": _line(256, 0.5, 6400, 1.15),
}
"""timestep_sampling that shifts by the picture's size -> the factor at the recipe's resolution (training/trainer_base.py there)."""


def _sampling(_value: Any, said: Said) -> Paths:
    name = sampling(said)
    if name in ("uniform", "sigmoid", "shift", "flux_shift"):
        return {"noise.timestep_sampling": name}
    if name == "sigma":
        scheme = text(said.get("weighting_scheme")).lower()
        return {"noise.timestep_sampling": scheme if scheme in ("logit_normal", "mode") else "uniform"}
    if name in _BY_SIZE:
        return {"noise.timestep_sampling": "shift", "noise.flow_shift": _BY_SIZE[name](said)}
    if name == "logsnr":  # sigma is the sigmoid of minus half of a normal number
        mean, deviation = number(said.get("logit_mean") or 0), number(said.get("logit_std") or 1)
        return {
            "noise.timestep_sampling": "logit_normal",
            "noise.logit_mean": -mean / 2,
            "noise.logit_std": deviation / 2,
        }
    if name == "ideogram4_shift":
        width, height = _size(said)
        mean = round(0.5 * math.log(max(1, width * height) / 512**2), 4)
        return {"noise.timestep_sampling": "logit_normal", "noise.logit_mean": mean, "noise.logit_std": 1.5}
    if name.startswith("qinglong"):
        raise ValueError(
            "There is no mixture of several ways to draw timesteps here: what is usual for the model is used."
        )
    raise ValueError("There is no such timestep_sampling here: choose one in Noise Config.")


def _shift(value: Any, said: Said) -> Paths:
    if sampling(said) not in SHIFTED:
        raise NoMeaning(f"It has no effect there with timestep_sampling {sampling(said)}.")
    return {"noise.flow_shift": value}


def _sigmoid(value: Any, said: Said) -> Paths:
    name = sampling(said)
    if name not in ("sigmoid", "shift", "flux_shift", *_BY_SIZE):
        raise NoMeaning(f"It has no effect there with timestep_sampling {name}.")
    return {"noise.sigmoid_scale": value}


def _normal(field: str) -> Turned:
    def to(value: Any, said: Said) -> Paths:
        name, scheme = sampling(said), text(said.get("weighting_scheme")).lower()
        if name == "logsnr":
            return {f"noise.{field}": number(value) / (-2 if field == "logit_mean" else 2)}
        if name != "sigma" or scheme != "logit_normal":
            raise NoMeaning(f"It has no effect there with timestep_sampling {name}.")
        return {f"noise.{field}": -number(value) if field == "logit_mean" else value}

    return Turned(to=to, why="Counted from picture to noise here.", same=True)


def _scheme(value: Any, said: Said) -> Paths:
    name = text(value).strip().lower()
    if name in ("sigma_sqrt", "cosmap"):
        return {"loss.weighting_scheme": name}
    if name in ("logit_normal", "mode"):
        if sampling(said) != "sigma":
            raise NoMeaning(f"It draws timesteps there with timestep_sampling sigma alone, not with {sampling(said)}.")
        return {"noise.timestep_sampling": name}
    if name != "none":
        raise ValueError("weighting_scheme is none, logit_normal, mode, sigma_sqrt or cosmap.")
    return {"loss.weighting_scheme": "none"}


def _limited(said: Said) -> bool:
    return number(said.get("min_timestep") or 0) > 0 or number(said.get("max_timestep") or 1000) < 1000


def _kept_shape(value: Any, said: Said) -> Paths:
    if not switch(value) or not _limited(said):
        raise NoMeaning("It has no effect without min_timestep or max_timestep.")
    raise ValueError(
        "There timesteps outside of min_timestep and max_timestep are cut off; here the whole distribution is squeezed between the two."
    )


def _boundary(value: Any, said: Said) -> Paths:
    """Where Wan 2.2's second model takes over: dit is the one for the timesteps below it."""
    if not said.get("dit_high_noise") or family(said) not in (WAN, ""):
        raise NoMeaning("It says which of two models is trained at a timestep, and there is one.")
    found = number(value)
    return {"noise.max_timestep": round(found if found > 1 else found * 1000)}


TIMESTEP_WORDS: dict[str, Rule] = {
    "timestep_sampling": Turned(
        to=_sampling, why="Which timesteps are trained: sigma means evenly; a shift by the picture's size is fixed here."
    ),
    "discrete_flow_shift": Turned(to=_shift, why="flow_shift of Noise Config.", same=True),
    "sigmoid_scale": Turned(to=_sigmoid, why="The same.", same=True),
    "logit_mean": _normal("logit_mean"),
    "logit_std": _normal("logit_std"),
    "weighting_scheme": Turned(to=_scheme, why="The weight of the loss, or how timesteps are drawn.", same=True),
    "preserve_distribution_shape": Turned(to=_kept_shape, why="What is outside of the limits is cut off."),
    "num_timestep_buckets": lacking("Timesteps are drawn independently of each other here, not evenly over so many parts."),
    "timestep_boundary": Turned(
        to=_boundary, why="One of Wan 2.2's two models is trained in a run here: dit, for the timesteps below this one."
    ),
    "dit_high_noise": lacking(
        "One of Wan 2.2's two models is trained in a run here, that of dit: import once more with this file as dit, and with "
        "timestep_boundary as min_timestep."
    ),
}  # fmt: skip
"""Rules of timesteps and of the weight of the loss."""
