"""Texts and their translations: how they are found in the page's code, and what makes a translation wrong.

English is enough: no test fails because a text is not translated. `python dev.py texts` lists those.
"""

from __future__ import annotations

import json
import re
import textwrap

import pytest
import sentences
import texts


def test_texts_are_found_in_the_page_code():
    source = """
        t("plain");
        make("a", { title: t("with {count}", { count: t("inner") }) });
        t(kind === "tags" ? "Tags" : "Words");
        t(
          "on a line, with \\"quotes\\" and (brackets)",
          run,
        );
        const start = set("no text of the page"), other = this.t("nor this");
    """
    assert list(texts.page_calls(source)) == [
        ["plain"],
        ["with {count}"],
        ["inner"],
        ["Tags", "Words"],
        ['on a line, with "quotes" and (brackets)'],
    ]


def test_every_text_of_the_page_stands_in_its_call():
    """A text that reaches t() by a variable would be missing in the list of texts."""
    for name, source in texts.modules().items():
        assert all(found for found in texts.page_calls(source)), name
    assert len(texts.page_texts()) > 150


@pytest.mark.parametrize("language", texts.TABLES)
def test_no_translation_of_the_page_is_wrong(language):
    table = texts.page_table(language)
    assert len(table) == len(dict(table)), "a text stands there twice"
    assert len(table) > 100
    for english, text in table:
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", text)), english
    assert not texts.compare(texts.page_texts(), texts.page_translations(language), None).wrong


ENGLISH = {
    "a.rank": "From 4 to 64, with network_dim.\nsd-scripts: --network_dim",
    "a.loss": "Plain l2, or huber_c 0.1.",
    "a.new": "A setting of today.",
}
CHINESE = {
    "a.rank": "从 4 到 64。\nsd-scripts: --network_dim",
    "a.loss": "普通 l2，或 huber_c 0.1。",
    "a.gone": "从前的设置。",
}


def made_from(**english):
    return {key: texts.digest(text) for key, text in (ENGLISH | english).items()}


def test_a_new_text_is_missing_and_a_removed_one_unused():
    report = texts.compare(ENGLISH, CHINESE, made_from())
    assert report == texts.Report(["a.new"], [], ["a.gone"], [])


def test_another_english_makes_a_translation_outdated_but_not_wrong():
    changed = ENGLISH | {"a.loss": "Plain l2, or huber_c 0.1; new: min_snr_gamma 5."}
    report = texts.compare(changed, CHINESE, made_from())
    assert report.outdated == ["a.loss"] and not report.wrong
    assert not texts.compare(changed, CHINESE, None).outdated


@pytest.mark.parametrize(
    ("english", "fact"),
    [
        ("Plain l2, or huber_c 0.2.", "0.1"),
        ("Plain l2, or huber_delta 0.1.", "huber_c"),
    ],
)
def test_another_number_or_name_makes_a_translation_wrong(english, fact):
    report = texts.compare(ENGLISH | {"a.loss": english}, CHINESE, made_from())
    assert report.wrong == [f"a.loss names {fact}, which the English text does not have"]


def test_a_help_page_is_wrong_if_it_names_what_the_english_one_does_not():
    english = {"AthanorA": "Set **rank** 16.\n<!-- made by python dev.py docs: inputs and outputs -->\n| `alpha` 8 |"}
    fine = texts.compare_help(english, {"AthanorA": "把 `alpha` 设为 8，rank 16。"}, {})
    assert fine == texts.Report([], ["AthanorA"], [], [])
    wrong = texts.compare_help(english, {"AthanorA": "把 `beta` 设为 9。"}, {})
    assert wrong.wrong == ["AthanorA names 9, beta, which the English page does not have"]
    assert texts.compare_help(english, {}, {}).missing == ["AthanorA"]


@pytest.mark.parametrize("language", texts.TABLES)
def test_translated_commands_exist(language):
    named = json.loads((texts.LOCALES / language / "commands.json").read_text(encoding="utf-8"))
    assert named and {f"commands.{name}.label" for name in named} <= set(texts.page_texts())


def test_sentences_are_found_in_the_code_as_the_catalogue_has_them():
    source = """
        def f(name, value, often):
            '''A docstring is not said.'''
            why = "it is gone" if often else f"it has {len(value)} parts"
            raise AthanorError(f"{name} is {quoted(value)}: " + f"choose {name.upper()}.")
        Input("a", tooltip="Of a node.")
    """
    found = list(sentences.of_source(textwrap.dedent(source)))
    assert sorted(found) == ["a", "it has {1} parts", "it is gone", "{1} is {2}: choose {3}."]
    assert sentences.is_sentence("{1} has failed: choose {2}.") and not sentences.is_sentence("it is gone")
    for no_line_of_words in ("ij...,jr,ip->pr...", "Usage:\nname the graph, or a run.\nAll others are refused."):
        assert not sentences.is_sentence(no_line_of_words)


def test_sentences_of_the_catalogue_are_found_and_translated_right():
    """One whose English was changed is no failure: `python dev.py texts` lists it as unused."""
    rows = sentences.catalogue()
    assert sum(map(sentences.is_in_code, rows)) > 500
    for english, row in rows.items():
        places = {language: sorted(re.findall(r"\{\w+\}", text)) for language, text in row.items()}
        assert len(set(map(tuple, places.values()))) == 1 and set(row) == set(texts.TABLES), english
        # "is" and "are" are filled in as well, which Chinese does not need.
        assert set(places["zh"]) <= set(re.findall(r"\{\w+\}", english)), english
        for text in row.values():
            assert not [fact for fact in texts.FACTS.findall(text) if fact not in texts.FACTS.findall(english)], english


def test_notes_of_the_examples_are_translated_whole_or_not_at_all():
    """The page shows a note in English as soon as one of its lines has no translation."""
    lines, rows = sentences.note_lines(), sentences.catalogue(sentences.NOTES)
    assert lines.keys() & rows.keys()
    for language in texts.TABLES:
        assert not texts.compare(lines, sentences.translations(language, rows), None).wrong
