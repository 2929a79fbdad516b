"""What is told of a reading."""

from __future__ import annotations

from athanor.training_core.recipes.listing import by_hand
from athanor.training_core.recipes.recipe import Model, Recipe

CARRIED = {"training": ("epochs",), "buckets": ("width",)}


def test_settings_without_an_output_are_named():
    recipe = Recipe(
        model=Model(clip_skip=2, v_prediction=True),
        settings={
            "training": {"epochs": 3, "seed": 1234, "overwrite": False},
            "buckets": {"width": 640, "bucket_no_upscale": True},
            "network": {"rank": 4},
        },
    )
    assert by_hand(recipe, CARRIED) == (
        "Set these in their nodes, as no output carries them: Train LoRA: seed 1234; Bucketer: bucket_no_upscale True; "
        "CLIP Set Last Layer: stop_at_clip_layer -2; ModelSamplingDiscrete: sampling v_prediction."
    )


def test_nothing_is_said_where_all_is_carried():
    assert by_hand(Recipe(settings={"training": {"epochs": 3}}), CARRIED) == ""
