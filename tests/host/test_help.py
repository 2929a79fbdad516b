"""Help pages: an English one for every node, others where they exist, with tables that say what the nodes say."""

from __future__ import annotations

import re
import urllib.request

import help_pages
import marks
import pytest

SMALL = 60_000
"""Bytes of a picture."""


def test_every_node_has_its_english_page_and_no_table_is_stale(server):
    info = server.get("/object_info")
    found = list(help_pages.pages(info))
    nodes = [name for name in info if name.startswith("Athanor")]
    assert len(nodes) >= 28 and {help_pages.DOCS / f"{name}.md" for name in nodes} <= {path for path, _ in found}
    missing = [path.name for path, _ in found if not path.is_file()]
    assert not missing
    stale = []
    for path, tables in found:
        page = path.read_text(encoding="utf-8")
        if marks.rewritten(page, tables) != page:
            stale.append(str(path.relative_to(help_pages.DOCS)))
    assert not stale, "run: python dev.py docs"


def test_a_node_without_a_page_in_a_language_shows_the_english_one(monkeypatch, tmp_path):
    monkeypatch.setattr(help_pages, "DOCS", tmp_path)
    (tmp_path / "AthanorOne").mkdir()
    for page in ("AthanorOne.md", "AthanorOne/zh.md", "AthanorTwo.md"):
        (tmp_path / page).write_text("# Page", encoding="utf-8")
    english, chinese = help_pages.LANGUAGES
    assert help_pages.page_of("AthanorOne", chinese) == (tmp_path / "AthanorOne" / "zh.md", chinese)
    assert help_pages.page_of("AthanorTwo", chinese) == (tmp_path / "AthanorTwo.md", english)
    node = {"input": {}, "output_name": [], "output_tooltips": []}
    shown = [path.name for path, _ in help_pages.pages({"AthanorOne": node, "AthanorTwo": node, "KSampler": node})]
    assert shown == ["AthanorOne.md", "AthanorTwo.md", "zh.md"]


def test_every_page_explains_and_shows_its_node():
    used = set()
    for path in help_pages.DOCS.rglob("*.md"):
        page = path.read_text(encoding="utf-8")
        text = page.partition(help_pages.BEGIN)[0]
        chinese = path.name == "zh.md"
        assert len(text) > (400 if chinese else 800), path
        assert bool(re.search("[一-鿿]", text)) == chinese, path
        pictures = re.findall(r"!\[[^\]]{4,}\]\(([^)]+)\)", text)  # with words for those who cannot see it
        assert pictures, path
        for picture in pictures:
            assert 0 < (help_pages.DOCS / picture).stat().st_size < SMALL, (path, picture)
        used |= set(pictures)
    assert used == {f"images/{file.name}" for file in (help_pages.DOCS / "images").iterdir()}


@pytest.mark.parametrize(
    ("locale", "page"), [("en", "{}.md"), ("zh", "{}/zh.md"), ("zh-TW", "{}/zh.md"), ("fr", "{}.md")]
)
def test_each_language_gets_a_page_at_the_first_address_that_it_asks_for(server, locale, page):
    with urllib.request.urlopen(f"{server.url}/extensions/athanor/docs/AthanorTrainLoRA/{locale}.md") as answer:
        assert answer.headers.get_content_type() == "text/markdown"
        assert answer.read() == (help_pages.DOCS / page.format("AthanorTrainLoRA")).read_bytes()


def test_a_node_without_a_page_is_not_found(server):
    for address in ("AthanorNothing/en.md", "..%2F..%2FAthanorTrainLoRA/en.md"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server.url}/extensions/athanor/docs/{address}")
