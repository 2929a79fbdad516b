"""The scorer: what it compares with, what it keeps, and who it is."""

from __future__ import annotations

import json
from dataclasses import replace

import gardens
import numpy as np
import pytest
from athanor.training_core.data import scan
from athanor.training_core.data.dataset import Dataset
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import DatasetSettings, LikenessSettings


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gardens")
    gardens.write(folder, 10, seed=1)
    return scan.scan(DatasetSettings(folder="gardens"), folder, None, folder / "inspected")


def scorer(dataset, folder, held_out=None, **settings):
    from athanor.training_core.score.plain import PlainMeasure
    from athanor.training_core.score.scorer import Scorer

    return Scorer(PlainMeasure(), dataset, LikenessSettings(**settings), folder=folder, held_out=held_out)


def asked(*images, prompt=""):
    from athanor.training_core.score.scorer import Asked

    return [Asked(np.asarray(image), prompt) for image in images]


class Texts:
    """A text tower that knows two prompts, as wide as colours and edges are."""

    content = "texts"

    def __init__(self):
        self.read = []

    def vectors(self, prompts):
        self.read += prompts
        return [np.eye(528, dtype=np.float32)[len(prompt)] for prompt in prompts]

    def cut(self, prompts):
        return f"read of {sorted(set(prompts))}"


def test_a_picture_is_measured_once(comfy, dataset, tmp_path, monkeypatch):
    from athanor.training_core.score.plain import PlainMeasure

    copy, other = gardens.gardens(10, seed=1)[3], gardens.gardens(1, seed=9)[0]
    first = scorer(dataset, tmp_path).score(asked(copy, other, copy))
    assert first[0].copy and first[0].nearest == "03.png" and first[0].nearest_value > 0.99 and first[2] is first[0]
    assert not first[1].copy and first[1].values["likeness"] < first[0].values["likeness"]
    (file,) = tmp_path.iterdir()
    assert len(file.read_text().splitlines()) == 2 and set(json.loads(file.read_text().splitlines()[0])) >= {
        "picture",
        "values",
    }
    # The next session reads it, and a line that was hurt meanwhile is measured anew.
    lines = file.read_text().splitlines()
    file.write_text("\n".join(['{"picture": 5}', lines[0], "{}", lines[1][:80]]) + "\n")
    seen = []
    looks = PlainMeasure.looks
    monkeypatch.setattr(
        PlainMeasure, "looks", lambda self, images, progress=None: seen.append(len(images)) or looks(self, images)
    )
    again = scorer(dataset, tmp_path).score(asked(copy, other))
    assert seen == [1]  # the references are remembered by their contents
    assert again[0].values == first[0].values and np.allclose(again[0].whole, first[0].whole, atol=1e-3)


def test_an_interrupt_keeps_what_is_done(comfy, dataset, tmp_path):
    class Stop(BaseException):
        pass

    def say(things, done, total):
        if things == "pictures" and done:
            raise Stop

    images = gardens.gardens(12, seed=4)
    with pytest.raises(Stop):
        scorer(dataset, tmp_path).score(asked(*images), say)
    (file,) = tmp_path.iterdir()
    assert len(file.read_text().splitlines()) == 8
    assert len(scorer(dataset, tmp_path).score(asked(*images))) == 12 and len(file.read_text().splitlines()) == 12


def test_its_id_names_all_that_its_numbers_depend_on(comfy, dataset, tmp_path):
    fewer = Dataset(dataset.subsets, dataset.pictures[:9])
    turned = Dataset(dataset.subsets, dataset.pictures[::-1])
    base = scorer(dataset, tmp_path).id
    assert scorer(turned, tmp_path).id == base and scorer(dataset, tmp_path, prompt="x").id == base
    others = [scorer(fewer, tmp_path), scorer(dataset, tmp_path, k=2), scorer(dataset, tmp_path, caption_filter="3")]
    others.append(scorer(dataset, tmp_path, held_out=Dataset(dataset.subsets, dataset.pictures[:2])))
    assert len({base, *(each.id for each in others)}) == 5


def test_the_filter_chooses_what_likeness_is_measured_to(comfy, dataset, tmp_path):
    three = gardens.gardens(10, seed=1)[3]
    (whole,) = scorer(dataset, tmp_path, k=1).score(asked(three))
    chosen = scorer(dataset, tmp_path, k=1, caption_filter="Garden, -3")
    assert chosen.references == 9
    (without,) = chosen.score(asked(three))
    assert whole.values["likeness"] > 0.99 > without.values["likeness"]
    assert without.copy and without.nearest == "03.png"  # copies are looked for in all of them
    with pytest.raises(AthanorError, match="caption_filter 'elephant': no caption of the training pictures has that"):
        scorer(dataset, tmp_path, caption_filter="elephant")


def test_held_out_pictures_are_no_training_pictures(comfy, dataset, tmp_path):
    held_out = Dataset(dataset.subsets, dataset.pictures[:2])
    apart = scorer(dataset, tmp_path, held_out=held_out, k=1)
    assert apart.references == 8
    (score,) = apart.score(asked(gardens.gardens(10, seed=1)[0]))
    assert score.values["held_out"] > 0.99 > score.values["likeness"] and score.nearest != "00.png"
    assert apart.said()[1] == "2 held-out pictures: compared with apart from them."


def test_a_dataset_of_which_all_is_held_out_is_told(comfy, dataset, tmp_path):
    """It was said that none of its pictures could be read."""
    with pytest.raises(AthanorError, match="dataset has no picture to compare with: all of them are held out"):
        scorer(dataset, tmp_path, held_out=dataset)


def test_pictures_that_are_gone_are_left_out(comfy, tmp_path):
    gardens.write(tmp_path / "some", 9, seed=5)
    found = scan.scan(DatasetSettings(folder="some"), tmp_path / "some", None, tmp_path / "inspected")
    (tmp_path / "some" / "00.png").unlink()
    left = scorer(found, tmp_path / "kept")
    assert left.score(asked(gardens.gardens(9, seed=5)[0]))[0].nearest != "00.png" and left.calibration().different == 8
    for path in (tmp_path / "some").glob("*.png"):
        path.write_bytes(b"no picture")
    gone = Dataset(found.subsets, found.pictures[:0])
    with pytest.raises(AthanorError):
        scorer(gone, tmp_path / "kept").score(asked(gardens.gardens(1, seed=5)[0]))


def test_pictures_of_one_name_in_two_folders_are_told_apart(comfy, tmp_path):
    """Both were called 00.png, and the first one was shown beside a copy of the second."""
    parts = []
    for seed in (1, 2):
        gardens.write(tmp_path / f"{seed}", 9, seed=seed)
        parts.append(scan.scan(DatasetSettings(folder=f"{seed}"), tmp_path / f"{seed}", None, tmp_path / "inspected"))
    both = scorer(parts[0].joined(parts[1]), tmp_path / "kept")
    images = [gardens.gardens(9, seed=seed)[4] for seed in (1, 2)]
    scores = both.score(asked(*images))
    assert [each.nearest for each in scores] == ["folder 1: 04.png", "folder 2: 04.png"]
    for image, found in zip(images, scores, strict=True):
        shown = np.asarray(both.thumbnail(found.nearest, 64)).astype(float)
        small = np.asarray(image.convert("RGB").resize(shown.shape[1::-1])).astype(float)
        assert abs(shown - small).mean() < 12


def test_what_is_kept_belongs_to_the_files_as_they_are_called_and_shown(comfy, dataset, tmp_path):
    copy = asked(gardens.gardens(10, seed=1)[3])
    assert scorer(dataset, tmp_path).score(copy)[0].nearest == "03.png"
    renamed = Dataset(dataset.subsets, tuple(replace(p, name=f"new {p.name}") for p in dataset.pictures))
    assert scorer(renamed, tmp_path).score(copy)[0].nearest == "new 03.png"
    black = tuple(subset.model_copy(update={"alpha_background": "black"}) for subset in dataset.subsets)
    assert scorer(Dataset(black, dataset.pictures), tmp_path).id != scorer(dataset, tmp_path).id


def test_a_picture_without_a_prompt_follows_none(comfy, dataset, tmp_path):
    """An empty prompt was compared as any other: a number that ranks epochs by nothing."""
    from athanor.training_core.score.plain import PlainMeasure
    from athanor.training_core.score.scorer import Scorer

    image, texts = gardens.gardens(1, seed=9)[0], Texts()
    scorer = Scorer(PlainMeasure(), dataset, LikenessSettings(), folder=tmp_path, text=texts)
    some = asked(image, prompt="a cat") + asked(image) + asked(image, prompt=" \n")
    told = scorer.score(some)
    assert [("prompt" in each.values) for each in told] == [True, False, False] and texts.read == ["a cat"]
    assert told[0].values["likeness"] == told[1].values["likeness"] and told[1] is told[2]
    said = scorer.towers([each.prompt for each in some])
    assert said.endswith("read of ['a cat']") and scorer.towers(["", " "]) == ""
    only_captions = scorer.towers(["Zorb garden 3", "zorb garden 4"])
    assert "All prompts are captions of training pictures, which a copy follows best" in only_captions


class Blots:
    """A vision model that sees the colour of a picture's middle and no more: whatever is drawn, a copy looks like any other picture."""

    title, weak, content, blind = "blots", False, "blots", ""

    def looks(self, images, progress=None):
        from athanor.training_core.score.looks import Look, unit

        means = [image[40:56, 40:56].mean((0, 1)) for image in images]
        return [Look(unit(mean), unit(np.outer(mean, np.arange(1, 5)))) for mean in means]

    def give_back(self):
        pass


def test_a_copy_by_colours_and_edges_is_one_beside_a_vision_model(comfy, dataset, tmp_path):
    """Of a run whose samples were copies from epoch 240 on, a CLIP alone told none."""
    from athanor.training_core.score.scorer import Scorer

    seen = Scorer(Blots(), dataset, LikenessSettings(), folder=tmp_path)
    alone, limit = scorer(dataset, tmp_path), seen.calibration().threshold
    images = gardens.gardens(10, seed=1)
    asked_for = asked(
        gardens.COPIES["blur"](images[3]), gardens.COPIES["noise"](images[6]), *gardens.gardens(6, seed=9)
    )
    both, plain = seen.score(asked_for), alone.score(asked_for)
    assert [each.copy for each in plain][:2] == [True, True] and limit is not None
    assert [each.nearest for each in both][:2] == ["03.png", "06.png"]
    for one, other in zip(both, plain, strict=True):
        assert one.copy >= other.copy and one.copy == (one.nearest_value >= limit)
        assert abs(one.nearest_value) <= 1 and "likeness" in one.values
    assert seen.calibration().said.endswith("One that is as near by colours and edges counts, too.")
    assert len({seen.id, alone.id}) == 2


def test_what_is_told_of_pictures_measured_at_once(comfy, dataset, tmp_path):
    """Of too few training pictures it was told that copies cannot be told, and that none looks like one."""
    from athanor.training_core.score import at_once

    copy = [np.asarray(gardens.gardens(10, seed=1)[3])]
    few = Dataset(dataset.subsets, dataset.pictures[:4])
    for some, summary, why in ((dataset, ", copies: 1", "A copy is nearer"), (few, "", "Copies cannot be told from 4")):
        own = scorer(some, tmp_path)
        told = at_once.measure(own, copy, LikenessSettings(), None)
        assert told.summary == f"1 picture: likeness {told.likeness[0]:.3f}{summary}" and told.copies.startswith(why)
        assert bool(own.few()) == (some is few) and not any("copies" in line for line in own.said())
