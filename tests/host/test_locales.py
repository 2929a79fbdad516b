"""The Chinese texts of the nodes, held against what the host tells of them in English."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

LOCALES = Path(__file__).resolve().parents[2] / "locales"
LANGUAGES = ["zh", "zh-TW"]
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
TERMS = {
    "alpha",
    "CLIP",
    "VAE",
    "DoRA",
    "CFG",
    "rs-LoRA (rs_lora)",
    "Huber c (huber_c)",
    "min-SNR gamma (min_snr_gamma)",
}
"""Names that are the same in every language."""

FACTS = re.compile(r"--[a-z0-9_]+|\b[a-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+|\d+(?:\.\d+)?(?:e-?\d+)?")
"""What a translation keeps: flags, names of settings, numbers."""

SYNTAX = re.compile(r"[{}@|]")
"""The page reads names and descriptions as patterns, in which these mean something (tooltips it takes as they are)."""


@pytest.fixture(scope="module")
def nodes(server) -> dict[str, Any]:
    return {name: node for name, node in server.get("/object_info").items() if name.startswith("Athanor")}


def read(language: str, file: str) -> dict[str, Any]:
    return json.loads((LOCALES / language / file).read_text(encoding="utf-8"))


def english(node: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Tooltips by ('inputs', name) and ('outputs', number)."""
    given = {name: spec for group in ("required", "optional") for name, spec in node["input"].get(group, {}).items()}
    tips = {("inputs", name): spec[1]["tooltip"] for name, spec in given.items()}
    return tips | {("outputs", str(number)): tip for number, tip in enumerate(node["output_tooltips"])}


def widgets(node: dict[str, Any]) -> list[str]:
    """Inputs that are fields of the node, not sockets."""
    given = [pair for group in ("required", "optional") for pair in node["input"].get(group, {}).items()]
    return [n for n, s in given if (isinstance(s[0], list) or s[0] in WIDGETS) and not s[1].get("forceInput")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_node_input_output_and_tooltip_is_translated_and_nothing_is_left_over(nodes, language):
    found = read(language, "nodeDefs.json")
    assert set(found) == set(nodes)
    for name, node in nodes.items():
        texts, wanted = found[name], english(node)
        made_by_the_page = (
            {("inputs", "control_after_generate")} if "seed" in node["input"].get("required", {}) else set()
        )
        assert {(group, key) for group in ("inputs", "outputs") for key in texts[group]} == set(
            wanted
        ) | made_by_the_page, name
        assert CHINESE.search(texts["description"]) and texts["display_name"] != node["display_name"], name
        for group, key in wanted:
            text = texts[group][key]
            assert CHINESE.search(text["name"]) or text["name"] in TERMS, (name, key)
            assert CHINESE.search(text["tooltip"]), (name, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_numbers_names_of_settings_and_flags(nodes, language):
    found = read(language, "nodeDefs.json")
    for name, node in nodes.items():
        pairs = [(tip, found[name][group][key]["tooltip"]) for (group, key), tip in english(node).items()]
        for source, text in [(node["description"], found[name]["description"]), *pairs]:
            assert sorted(FACTS.findall(text)) == sorted(FACTS.findall(source)), (name, source, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_field_shows_its_name_of_recipes_and_messages(nodes, language):
    """Messages, sd-scripts' recipes and queued graphs name fields in English."""
    found = read(language, "nodeDefs.json")
    for name, node in nodes.items():
        for field in widgets(node):
            assert field.lower() in found[name]["inputs"][field]["name"].lower(), (name, field)


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_and_descriptions_hold_nothing_that_the_page_reads_as_a_pattern(language):
    for name, node in read(language, "nodeDefs.json").items():
        names = [text["name"] for group in ("inputs", "outputs") for text in node[group].values()]
        for text in [node["display_name"], node["description"], *names]:
            assert not SYNTAX.search(text), (name, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_host_serves_them_and_every_folder_of_nodes_has_a_name(server, nodes, language):
    served = server.get("/i18n")[language]
    assert served["nodeDefs"]["AthanorTrainLoRA"] == read(language, "nodeDefs.json")["AthanorTrainLoRA"]
    assert set(served["nodeCategories"]) == {
        part for node in nodes.values() for part in node["category"].split("/")[1:]
    }
    assert CHINESE.search(served["templateWorkflows"]["category"]["athanor"])
