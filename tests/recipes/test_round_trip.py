"""Import(export(x)) = x: recipes drawn at random, written in every form and read back."""

import pytest
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.writers import command
from random_recipes import recipe, same


def imported(*files):
    return read([Document(name=file.name, data=file.text.encode()) for file in files])


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_a_command_with_its_files_gives_the_same_recipe(first):
    for seed in range(first, first + 10):
        wanted = recipe(seed)
        written = command.write(wanted)
        reading = imported(*written.files)
        assert same(reading.recipe, wanted), (seed, different(wanted, reading.recipe))
        assert ("sampling" in reading.recipe.settings) == ("sampling" in wanted.settings), seed
        assert reading.form.startswith("sd-scripts"), seed


def different(one, other) -> dict:
    """What differs, for the message of a failure: place -> both values."""
    mine, theirs = dict(command.values(one)), dict(command.values(other))
    return {
        place: (mine.get(place), theirs.get(place)) for place in mine | theirs if mine.get(place) != theirs.get(place)
    }
