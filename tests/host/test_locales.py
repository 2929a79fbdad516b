"""The translations of the nodes against what the host tells of them in English. Missing ones are no failure."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import texts

LANGUAGES = list(texts.TABLES)
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
SYNTAX = re.compile(r"[{}@|]")
"""The page reads names and descriptions as patterns, in which these mean something (tooltips it takes as they are)."""


@pytest.fixture(scope="module")
def nodes(server) -> dict[str, Any]:
    return {name: node for name, node in server.get("/object_info").items() if name.startswith("Athanor")}


def read(language: str, file: str) -> dict[str, Any]:
    return json.loads((texts.LOCALES / language / file).read_text(encoding="utf-8"))


def widgets(node: dict[str, Any]) -> list[str]:
    """Inputs that are fields of the node, not sockets."""
    given = [pair for group in ("required", "optional") for pair in node["input"].get(group, {}).items()]
    return [n for n, s in given if (isinstance(s[0], list) or s[0] in WIDGETS) and not s[1].get("forceInput")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_of_nodes_or_help_pages_is_wrong(nodes, language):
    found = texts.reports(language, nodes)
    assert not found["nodes"].wrong and not (found["help pages"].wrong if language in texts.HELP else [])
    compared = set(texts.node_texts(nodes)) & set(texts.node_translations(language))
    assert len(compared) > 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_field_shows_its_name_of_recipes_and_messages(nodes, language):
    """Messages, sd-scripts' recipes and queued graphs name fields in English."""
    translated = texts.node_translations(language)
    for name, node in nodes.items():
        for field in widgets(node):
            shown = translated.get(f"{name}.inputs.{field}.name", field)
            assert field.lower() in shown.lower(), (name, field)


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_and_descriptions_hold_nothing_that_the_page_reads_as_a_pattern(language):
    for path, text in texts.node_translations(language).items():
        if not path.endswith(".tooltip"):
            assert not SYNTAX.search(text), (path, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_host_serves_them(server, nodes, language):
    served = server.get("/i18n")[language]
    assert served["nodeDefs"]["AthanorTrainLoRA"] == read(language, "nodeDefs.json")["AthanorTrainLoRA"]
    categories = {part for node in nodes.values() for part in node["category"].split("/")[1:]}
    assert set(read(language, "main.json")["nodeCategories"]) <= categories
    assert served["templateWorkflows"] == read(language, "main.json")["templateWorkflows"]
