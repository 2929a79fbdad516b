"""Sample pictures: what draws none there draws none here."""

import pytest
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.graph import graph
from athanor.training_core.recipes.read import read

COMMAND = "accelerate launch train_network.py --network_dim=8 --learning_rate=1e-4 "


def sampling(text: str) -> dict[str, object]:
    return dict(read([Document(data=text.encode())]).recipe.settings.get("sampling", {}))


def test_a_sampler_alone_draws_nothing():
    reading = read([Document(data=f"{COMMAND} --sample_sampler=euler_a".encode())])
    assert next(line for line in reading.lines if line.name == "sample_sampler").kind == "meaningless"
    assert not list(graph(reading.recipe).each("AthanorSampleConfig"))


def test_prompts_without_an_interval_draw_nothing_in_sd_scripts():
    assert sampling(f"{COMMAND} --sample_prompts 'a cat'") == {
        "sample_prompts": "a cat", "sample_every_n_epochs": 0, "sample_at_first": False,
    }  # fmt: skip
    assert sampling(f"{COMMAND} --sample_prompts 'a cat' --sample_at_first")["sample_at_first"] is True


def test_an_interval_draws():
    found = sampling(f"{COMMAND} --sample_prompts 'a cat' --sample_every_n_epochs=2 --sample_sampler=euler_a")
    assert found["sample_every_n_epochs"] == 2 and found["sampler_name"] == "euler_ancestral"


@pytest.mark.parametrize(
    "text",
    [
        "resolutions = [512]\nenable_ar_bucket = true\n[[directory]]\npath = '/a'\nnum_repeats = 2\n",
        "[general]\nresolution = [960, 544]\ncaption_extension = '.txt'\n[[datasets]]\nimage_directory = '/a'\ncache_directory = '/b'\n",
    ],
)
def test_a_dataset_draws_nothing(text):
    assert sampling(text) == {}
