"""Presets: each value is one that its node takes, and those of published recipes are what was published."""

import json

import marks
import preset_page
import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.families import FAMILIES
from athanor.training_core.objective.in_effect import in_effect
from athanor.training_core.optim import hints, rates
from athanor.training_core.settings import Settings, info, own_presets, presets
from athanor.training_core.settings.named_files import TakenName

TITLES = {family.title: family for family in FAMILIES}
DISCRETE = {"SD1.5", "SD2", "SDXL"}
STEPS = 2000  # of a usual run, for hints about schedules
# What the sources say: rank, alpha, optimizer, learning rate, side, batch x accumulation, epochs or steps.
PUBLISHED = {
    "sd15-sd-scripts": (16, 1, "AdamW8bit", 1e-4, 512, 1, 10),
    "sd15-colab": (16, 8, "AdamW8bit", 5e-4, 512, 3, 15),
    "sd15-colab-style": (16, 8, "AdamW8bit", 5e-4, 512, 3, 15),
    "sd15-civitai": (32, 16, "AdamW8bit", 5e-4, 512, 6, 10),
    "sd15-dreambooth": (4, 4, "AdamW", 1e-4, 512, 1, 500),
    "sdxl-sd-scripts": (32, 16, "AdamW8bit", 1e-4, 1024, 1, 10),
    "sdxl-colab": (8, 4, "AdamW8bit", 3e-4, 1024, 4, 10),
    "sdxl-colab-style": (16, 8, "AdamW8bit", 3e-4, 1024, 4, 10),
    "sdxl-ai-characters": (32, 32, "AdamW", 3e-5, 1024, 3, 50),
    "sdxl-faces": (92, 46, "AdamW8bit", 1e-4, 1024, 1, 10),
    "sdxl-prodigy": (32, 16, "Prodigy", 1, 1024, 8, 160),
    "sdxl-onetrainer": (16, 1, "AdamW", 3e-4, 1024, 4, 100),
    "sdxl-dreambooth": (4, 4, "AdamW", 1e-4, 1024, 4, 500),
    "sd3-sd-scripts": (16, 1, "AdamW8bit", 1e-4, 1024, 1, 10),
    "sd3-ai-toolkit": (16, 16, "AdamW8bit", 1e-4, 1024, 1, 2000),
    "sd3-onetrainer": (16, 1, "AdamW", 3e-4, 1024, 4, 100),
    "sd3-dreambooth": (4, 4, "AdamW", 4e-4, 512, 4, 500),
    "sd3-yarn-art": (32, 32, "Prodigy", 1, 1024, 1, 1500),
    "flux-sd-scripts": (16, 1, "AdamW8bit", 1e-4, 1024, 1, 10),
    "flux-ai-toolkit": (16, 16, "AdamW8bit", 1e-4, 512, 1, 2000),
    "flux-onetrainer": (16, 1, "AdamW", 3e-4, 768, 4, 100),
    "flux-dreambooth": (4, 4, "Prodigy", 1, 512, 4, 500),
    "flux-yarn-art": (4, 4, "AdamW8bit", 1e-4, 1024, 4, 700),
    "flux2-dreambooth": (4, 4, "Prodigy", 1, 512, 4, 500),
    "chroma-ai-toolkit": (16, 16, "AdamW8bit", 1e-4, 512, 1, 2000),
    "lumina2-sd-scripts": (8, 8, "AdamW", 1e-4, 1024, 1, 10),
    "lumina2-dreambooth": (4, 4, "AdamW8bit", 1e-4, 1024, 4, 500),
    "z-image-character": (128, 128, "Prodigy", 1, 1024, 2, 3000),
    "z-image-onetrainer": (16, 1, "AdamW", 3e-4, 512, 2, 100),
    "z-image-dreambooth": (4, 4, "AdamW8bit", 1e-4, 1024, 4, 500),
    "qwen-musubi": (16, 1, "AdamW8bit", 5e-5, 1024, 1, 16),
    "qwen-ai-toolkit": (16, 16, "AdamW8bit", 1e-4, 512, 1, 2000),
    "qwen-dreambooth": (4, 4, "AdamW8bit", 2e-4, 1024, 4, 500),
    "hidream-ai-toolkit": (32, 32, "AdamW8bit", 2e-4, 512, 1, 3000),
    "hidream-icons": (8, 8, "AdamW8bit", 2e-4, 1024, 4, 1000),
    "wan-ai-toolkit": (32, 32, "AdamW8bit", 1e-4, 640, 1, 2000),
    "wan22-musubi-high": (32, 1, "AdamW8bit", 2e-4, 960, 1, 16),
    "wan22-musubi-low": (32, 1, "AdamW8bit", 2e-4, 960, 1, 16),
    "hunyuan-video-musubi": (32, 1, "AdamW8bit", 2e-4, 960, 1, 16),
    "anima-sd-scripts": (8, 1, "AdamW8bit", 1e-4, 1024, 1, 10),
    "krea2-musubi": (32, 32, "AdamW8bit", 1e-4, 1024, 1, 16),
}


def built(preset: presets.Preset) -> dict[str, Settings]:
    return {name: presets.GROUPS[name].settings(**values) for name, values in preset.filled.items()}


def test_recipes_are_those_that_were_published():
    assert {preset.id for preset in presets.shipped()} == set(PUBLISHED)
    for preset in presets.shipped():
        group = built(preset)
        network, optimizer, train, buckets = (group[n] for n in ("network", "optimizer", "training", "buckets"))
        length = train.max_train_steps or train.epochs
        batch = buckets.batch_size * train.gradient_accumulation_steps
        found = (
            network.rank,
            network.alpha,
            optimizer.optimizer_type,
            optimizer.learning_rate,
            buckets.width,
            batch,
            length,
        )
        assert found == PUBLISHED[preset.id], preset.id
        assert train.save_every_n_epochs or train.save_every_n_steps, preset.id  # something to choose from


def test_recipes_are_whole_and_tell_their_source():
    names = [(family, preset.name) for preset in presets.shipped() for family in preset.families]
    assert len(names) == len(set(names))
    for preset in presets.shipped():
        assert set(preset.families) <= set(TITLES) and preset.families and set(preset.purposes) <= set(presets.PURPOSES)
        assert preset.source.startswith("https://") and preset.about.endswith((".", ")"))
        presets.checked(preset.settings)
        assert set(presets.GROUPS) - {"dataset"} <= set(preset.filled)
    of = {title: {p for x in presets.shipped() if title in x.families for p in x.purposes} for title in TITLES}
    assert all({"character", "style", "concept"} <= of[title] for title in ("SD1.5", "SDXL", "SD3", "Flux.1 dev"))


def test_recipes_give_no_warning():
    """Settings without effect on the model, or against each other, would be told when the run starts."""
    for preset in presets.shipped():
        group = built(preset)
        for title in preset.families:
            prediction = "eps" if title in DISCRETE else "flow"
            usual = TITLES[title].usual_timesteps
            assert not in_effect(group["loss"], group["noise"], prediction, usual)[2], preset.id
        parts = ["unet"] + ["te1", "te2", "te3"] * group["network"].text
        factors = [factor for factor in rates.factors(group["optimizer"], parts).values() if factor]
        gamma = group["loss"].min_snr_gamma
        assert not hints.hints(
            group["optimizer"], STEPS, min_snr_gamma=gamma, factors=factors, network=group["network"]
        ), preset.id


def test_the_result_is_the_same_whatever_stood_there_before():
    for name, group in presets.GROUPS.items():
        known = {each.name for each in info(group.settings)}
        assert set(group.fields) <= known
        full = set(presets.shipped()[0].filled.get(name, group.fields))
        assert full == set(group.fields) or not group.whole
    kept = {
        "output_name",
        "seed",
        "network_weights",
        "optimizer_fallback",
        "folder",
        "repeats",
        "gradient_checkpointing",
    }
    assert not kept & {field for group in presets.GROUPS.values() for field in group.fields}


MINE = {
    "name": "Mine (1)", "families": ["SDXL"], "purposes": ["style"], "about": "best so far",
    "settings": {"network": {"rank": 12, "alpha": 6}, "dataset": {"keep_tokens": 1}, "loss": {}},
}  # fmt: skip


def test_an_own_preset_is_kept_found_and_deleted(tmp_path):
    folder = tmp_path / "presets"
    assert own_presets.kept(folder, TITLES).listed() == ([], [])
    made = own_presets.kept(folder, TITLES).save(MINE, replace=False)
    assert made.filled["network"]["rank"] == 12 and made.filled["network"]["algo"] == "lora"
    assert made.filled["dataset"] == {"keep_tokens": 1} and "loss" not in made.filled
    assert own_presets.kept(folder, TITLES).listed() == ([made], [])
    with pytest.raises(TakenName, match="already: replace it"):
        own_presets.kept(folder, TITLES).save(MINE | {"name": "mine (1)"}, replace=False)
    own_presets.kept(folder, TITLES).save(MINE | {"about": "better"}, replace=True)
    assert [preset.about for preset in own_presets.kept(folder, TITLES).listed()[0]] == ["better"]
    kept = own_presets.kept(folder, TITLES)
    other = kept.save(MINE | {"name": "other"}, replace=False)
    with pytest.raises(TakenName, match="already: choose another name"):
        kept.rename("other", "mine (1)")
    renamed = kept.rename("Mine (1)", "MINE (1)")
    assert renamed and kept.rename("gone", "x") is None and kept.rename("other", "other") == other
    assert kept.listed() == ([renamed, other], []) and renamed.about == "better"
    assert all(kept.delete(name) and not kept.delete(name) for name in ("MINE (1)", "other"))
    assert not list(folder.iterdir())


def test_files_that_are_no_presets_are_said(tmp_path):
    own_presets.kept(tmp_path, TITLES).save(MINE, replace=False)
    whole = json.loads((tmp_path / "Mine (1).json").read_text(encoding="utf-8"))
    for name, text in {
        "list": "[]", "cut": '{"name": ', "deep": "[" * 5000, "rank": json.dumps(whole | {"settings": {"network": {"rank": -1}}}),
        "strange": json.dumps(whole | {"settings": {"network": {"seed": 1}}}), "family": json.dumps(whole | {"families": [5, "SD9"]}),
    }.items():  # fmt: skip
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    found, unread = own_presets.kept(tmp_path, TITLES).listed()
    assert [preset.name for preset in found] == ["Mine (1)"] and len(unread) == 6
    assert any("rank.json is left out: rank is -1: it must be at least 1." in line for line in unread)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "../up"}, "has characters that file names cannot have"),
        ({"name": "a\\b"}, "has characters"),
        ({"name": "con"}, "is a device"),
        ({"name": " "}, "takes 1 to 80 characters"),
        ({"name": ".hidden"}, "no dot in front"),
        ({"name": "x" * 81}, "takes 1 to 80"),
        ({"settings": {}}, "holds no settings"),
        ({"settings": {"training": {"output_name": "x"}}}, "output_name: presets do not set it"),
        ({"settings": {"sampling": {"steps": 3}}}, "is no group of settings"),
        ({"settings": {"network": {"algo": "ia3", "dora": True}}}, "dora does not work with algo ia3"),
        ({"families": ["SDX"]}, "families is"),
        ({"about": "x" * 2001}, "2000 is the most"),
    ],
)
def test_what_is_wrong_with_a_preset_is_said(tmp_path, change, words):
    with pytest.raises(AthanorError, match=words):
        own_presets.kept(tmp_path, TITLES).save(MINE | change, replace=True)
    assert not list(tmp_path.iterdir())


def test_the_page_of_presets_is_up_to_date():
    page = preset_page.PAGE.read_text(encoding="utf-8")
    assert page == marks.rewritten(page, preset_page.table()), "python dev.py docs"
