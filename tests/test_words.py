"""The page's own words in Chinese: nothing untranslated, nothing left over, placeholders kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[1] / "web" / "athanor"
TABLES = {"zh": "words_zh.js", "zh-TW": "words_zh_tw.js"}
STRING = r'"((?:[^"\\]|\\.)*)"'
# t("..."), t(condition ? "..." : "..."), t(condition ? "..." : value)
ASKED = re.compile(r"(?<![\w.])t\(\s*(?:[^`()\n]*?\s\? )?" + STRING + r"(?:\s+: " + STRING + r")?")


def table(language: str) -> dict[str, str]:
    source = (WEB / TABLES[language]).read_text(encoding="utf-8")
    pairs = [
        tuple(json.loads(f'"{part}"') for part in pair)
        for pair in re.findall(rf"^  {STRING}:\s+{STRING}", source, re.M)
    ]
    merged = dict(pairs)
    assert len(merged) == len(pairs) > 50, "a key stands there twice"
    return merged


def code() -> str:
    return "\n".join(p.read_text(encoding="utf-8") for p in sorted(WEB.glob("*.js")) if p.name not in TABLES.values())


@pytest.mark.parametrize("language", TABLES)
def test_every_text_of_the_page_is_translated_and_none_is_left_over(language):
    words, source = table(language), code()
    asked = {text.replace('\\"', '"') for found in ASKED.finditer(source) for text in found.groups() if text}
    assert len(asked) > 50 and asked <= set(words), asked - set(words)
    used = [key for key in words if json.dumps(key, ensure_ascii=False) in source or f" {key}: " in source]
    assert set(used) == set(words), set(words) - set(used)


@pytest.mark.parametrize("language", TABLES)
def test_translations_keep_the_placeholders(language):
    for key, text in table(language).items():
        assert sorted(re.findall(r"\{\w+\}", key)) == sorted(re.findall(r"\{\w+\}", text)), key
        assert text != key, key


@pytest.mark.parametrize("language", TABLES)
def test_every_command_has_a_name_for_menus_and_keys(language):
    file = WEB.parents[1] / "locales" / language / "commands.json"
    named = json.loads(file.read_text(encoding="utf-8"))
    assert set(named) == {name.replace(".", "_") for name in re.findall(r'\bid: "(Athanor\.\w+)"', code())}
    assert all(text["label"] for text in named.values())
