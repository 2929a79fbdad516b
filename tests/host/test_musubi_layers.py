"""The layers that musubi-tuner leaves out by itself are there under these names in ComfyUI's models."""

import re

import pytest
import torch
from family_cases import CASES, load

pytestmark = pytest.mark.usefixtures("comfy")


def kinds():
    from athanor.training_core.recipes.forms.musubi_family import EXCLUDED

    return EXCLUDED


@pytest.mark.parametrize(
    "title", ["HunyuanVideo (still pictures)", "Flux.1 dev", "Z-Image", "Kandinsky 5 Image", "Ideogram 4"]
)
def test_a_recipe_without_patterns_of_its_own_trains(title):
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    name = next(name for name, case in CASES.items() if case.title == title)
    model = load(name)
    with torch.device("meta"):
        settings = NetworkSettings(rank=2, exclude=kinds()[title])
        network = build.create([build.Part(model.model.diffusion_model)], settings, 0)
    names = [lora.lora_name for lora in network.loras]
    assert names and not [name for name in names if re.search(kinds()[title], name)]
