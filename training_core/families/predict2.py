"""Families built of Cosmos-Predict2's blocks: Cosmos-Predict2 itself, and Anima with a text adapter before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .record import Config, Family, Layers

_PREDICT2 = "comfy.ldm.cosmos.predict2"

PREDICT2 = Layers(
    blocks=(f"{_PREDICT2}.Block",),
    attentions=(f"{_PREDICT2}.Attention",),
    targets=(f"{_PREDICT2}.Attention", f"{_PREDICT2}.GPT2FeedForward"),  # without adaLN modulation, as sd-scripts does
)


def _text_to_image(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    return {} if config["in_channels"] == 16 else None


ANIMA = Family(
    title="Anima",
    model_class="comfy.model_base.Anima",
    base_version="anima",
    architecture="anima-preview",  # sd-scripts' library/sai_model_spec.py
    implementation="https://huggingface.co/circlestone-labs/Anima",
    timestep_sampling="sigmoid",
    source="sd-scripts, docs/anima_train_network.md; diffusion-pipe, models/cosmos_predict2.py (logit_normal)",
    layers=PREDICT2,  # the text adapter's classes are not among them: sd-scripts and diffusion-pipe advise to leave it alone
)
COSMOS_PREDICT2 = Family(
    title="Cosmos-Predict2",
    model_class="comfy.model_base.CosmosPredict2",
    variant=_text_to_image,
    base_version="cosmos_predict2",
    architecture="cosmos-predict2",
    implementation="https://github.com/nvidia-cosmos/cosmos-predict2",
    timestep_sampling="sigmoid",
    source="diffusion-pipe, models/cosmos_predict2.py (logit_normal)",
    layers=PREDICT2,
)
