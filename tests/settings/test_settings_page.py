"""docs/settings.md is what the settings' models say, docs/recipes.md what becomes of published recipes."""

import re
import sys
from pathlib import Path

import marks

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))  # the tool imports training_core as dev.py runs it, not as a part of the package athanor
try:
    import recipe_page
    import settings_page
finally:
    sys.path.remove(str(ROOT))


def test_the_page_is_the_settings():
    page = settings_page.PAGE.read_text(encoding="utf-8")
    assert page == marks.rewritten(page, settings_page.table()), "python dev.py docs"


def test_the_page_of_recipes_is_what_becomes_of_them():
    page = recipe_page.PAGE.read_text(encoding="utf-8")
    assert page == marks.rewritten(page, recipe_page.table()), "python dev.py docs"


def test_every_setting_is_there_once_with_a_version_that_has_been():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    newest = tuple(map(int, re.search(r'^version = "([\d.]+)"', text, re.MULTILINE)[1].split(".")))
    for group in settings_page.ORDER.values():
        for each in settings_page.info(group):
            assert (0, 1, 0) <= tuple(map(int, each.since.split("."))) <= newest, each.name


def test_names_of_other_trainers_lead_to_their_settings():
    """Some that are easy to look up in their sources; the vocabularies' own tests have all."""
    onetrainer, ai_toolkit = map(settings_page.names, (settings_page.ONETRAINER, settings_page.AI_TOOLKIT))
    assert "lora_rank" in onetrainer["network.rank"]
    assert "network.linear" in ai_toolkit["network.rank"]
    assert "train.lr" in ai_toolkit["optimizer.learning_rate"]
    assert "batch_size" in onetrainer["buckets.batch_size"]


def test_no_setting_names_models_that_it_does_not_have():
    fields = {each.name for group in settings_page.ORDER.values() for each in settings_page.info(group)}
    assert settings_page.MODELS.keys() <= fields
