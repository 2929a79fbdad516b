"""Every class of model that this ComfyUI detects is either trained by the tests, or refused with a reason."""

from __future__ import annotations

import json
import os

import model_page
import pytest
from athanor.training_core.families import refused
from family_cases import CASES

pytestmark = pytest.mark.usefixtures("comfy")


def test_every_class_of_the_host_is_trained_or_has_a_reason():
    """A new ComfyUI with a new class fails here (only in the run with the newest versions): train it, or say why not."""
    import comfy.supported_models

    known = {kind.__name__ for kind in comfy.supported_models.models}
    trained = {case.config for case in CASES.values()}
    assert known - trained - refused.REFUSED.keys() == set()
    assert trained & refused.REFUSED.keys() == set()
    assert refused.REFUSED.keys() - set(vars(comfy.supported_models)) == set()


def test_the_page_of_models_names_the_layouts():
    """ATHANOR_RENEW=1, then `python dev.py docs`, writes them anew."""
    layouts: dict[str, dict[str, str]] = {}
    for name, case in CASES.items():
        layouts.setdefault(case.title, {})[name] = case.config
    if os.environ.get("ATHANOR_RENEW"):
        text = json.dumps(layouts, indent=1, sort_keys=True) + "\n"
        model_page.LAYOUTS.write_text(text, encoding="utf-8")
    assert json.loads(model_page.LAYOUTS.read_text(encoding="utf-8")) == layouts


def test_a_class_that_is_new_gets_a_sentence_too():
    assert refused.why("ModelOfTomorrow") == "is not supported yet"
