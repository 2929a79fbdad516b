"""The check of the page's JavaScript where there is nothing but Python."""

import lint_js
import pytest


def test_our_files_are_short_enough():
    assert len(lint_js.files()) > 35 and not any("lib" in path.parts for path in lint_js.files())
    assert [sentence for path in lint_js.files() for sentence in lint_js.too_long(path)] == []


def test_wide_lines_and_long_files_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(lint_js, "ROOT", tmp_path)
    path = tmp_path / "page.js"
    path.write_text("a;\n" * 300 + "b" * 121 + "\n", encoding="utf-8")
    wide, long = lint_js.too_long(path)
    assert wide == "page.js:301 has 121 columns, at most 120." and long.startswith("page.js has 301 lines")
    path.write_text("a;\n" * 299 + "b" * 120 + "\n", encoding="utf-8")
    assert not lint_js.too_long(path)
    table = tmp_path / "words_zh.js"
    table.write_text("b" * 400, encoding="utf-8")
    assert not lint_js.too_long(table)


@pytest.mark.parametrize(("present", "why"), [((), "Node is not installed"), (("node",), "npm is not installed")])
def test_without_node_or_npm_one_line_says_what_was_left_out(monkeypatch, tmp_path, capsys, present, why):
    monkeypatch.setattr(lint_js, "CACHE", tmp_path)
    monkeypatch.setattr(lint_js.shutil, "which", lambda name: f"/bin/{name}" if name in present else None)
    assert lint_js.main() == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"JavaScript: format and lint were left out: {why}."
