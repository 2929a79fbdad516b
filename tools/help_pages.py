"""The tables of the help pages: rewritten from what a running ComfyUI says of the nodes (`python dev.py docs`).

A page's text is written by hand; the part between the two marks is made here, in English from /object_info, in Chinese
from locales/zh/nodeDefs.json (English where that has no text).
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).resolve().parents[1] / "demo"), str(Path(__file__).resolve().parents[1])]

import model_page
import preset_page
import recipe_page
import settings_page
from host import PACK, Host
from marks import END, rewritten

from training_core.families import FAMILIES
from training_core.families.refused import REFUSED

DOCS = PACK / "web" / "docs"
BEGIN = "<!-- made by python dev.py docs: inputs and outputs -->"
HOSTS_OWN = {
    "sampler_name",
    "scheduler",
    "lora_name",
    "lora_name_2",
    "lora_name_3",
    "tuned_checkpoint",
    "base_checkpoint",
}
"""Choices that belong to the host or to the user's folders."""

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
_FLAG = re.compile(r"\n?sd-scripts: (--.+)$")


@dataclass(frozen=True, kw_only=True)
class Language:
    """Words of the tables, and where a page lies."""

    code: str
    page: str
    inputs: str
    outputs: str
    input_head: str
    output_head: str
    advanced: str
    needed: str
    optional: str
    on: str
    off: str
    empty: str
    between: str
    one_of: str
    installed: str


LANGUAGES = (
    Language(
        code="en",
        page="{}.md",
        inputs="All inputs",
        outputs="Outputs",
        input_head="Name, default and range, what it does, sd-scripts' name",
        output_head="Name, what it is",
        advanced="advanced",
        needed="connection",
        optional="optional connection",
        on="on",
        off="off",
        empty="empty",
        between="{} ({} to {})",
        one_of="{} (one of {})",
        installed="one of those installed",
    ),
    Language(
        code="zh",
        page="{}/zh.md",
        inputs="全部输入",
        outputs="输出",
        input_head="名称、默认值与范围、作用、sd-scripts 参数名",
        output_head="名称、内容",
        advanced="高级",
        needed="连线",
        optional="可选连线",
        on="开",
        off="关",
        empty="空",
        between="{}（{} 到 {}）",
        one_of="{}（可选：{}）",
        installed="从已安装的里选",
    ),
)
ENGLISH = LANGUAGES[0]


def texts_of(language: Language) -> dict[str, Any]:
    """The pack's translations of the nodes."""
    path = PACK / "locales" / language.code / "nodeDefs.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def pages(info: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield every page and the tables that belong into it. `info`: the host's /object_info.

    Each node needs its English page; pages of other languages come only as far as they exist, since a node without one
    shows the English page.
    """
    for language in LANGUAGES:
        texts = texts_of(language)
        for name, node in info.items():
            path = DOCS / language.page.format(name)
            if name.startswith("Athanor") and (language is ENGLISH or path.is_file()):
                yield path, tables(node, texts.get(name, {}), language)


def page_of(name: str, language: Language) -> tuple[Path, Language]:
    """Return the page that a node shows in a language, and the language that it is written in."""
    path = DOCS / language.page.format(name)
    return (path, language) if path.is_file() else (DOCS / ENGLISH.page.format(name), ENGLISH)


def tables(node: Mapping[str, Any], texts: Mapping[str, Any], language: Language) -> str:
    """Inputs and outputs of a node, between the marks."""
    given = [pair for group in ("required", "optional") for pair in node["input"].get(group, {}).items()]
    optional = node["input"].get("optional", {})
    sockets = [(name, spec) for name, spec in given if not _is_widget(spec)]
    widgets = [(name, spec) for name, spec in given if _is_widget(spec)]
    lines = [BEGIN, f"## {language.inputs}", "", *_header(language.input_head)]
    for name, spec in sockets + widgets:
        text = texts.get("inputs", {}).get(name, {})
        label = _label(name, text) + (f" *{language.advanced}*" if spec[1].get("advanced") else "")
        kind = (language.optional if name in optional else language.needed) if (name, spec) in sockets else ""
        lines.append(_row(label, kind or _range(name, spec, language), *_tip(text.get("tooltip"), spec[1]["tooltip"])))
    lines += ["", f"## {language.outputs}", "", *_header(language.output_head)]
    for number, (name, tip) in enumerate(zip(node["output_name"], node["output_tooltips"], strict=True)):
        text = texts.get("outputs", {}).get(str(number), {})
        lines.append(_row(_label(name, text), _plain(text.get("tooltip") or tip)))
    return "\n".join([*lines, END])


def _is_widget(spec: list[Any]) -> bool:
    return (isinstance(spec[0], list) or spec[0] in WIDGETS) and not spec[1].get("forceInput")


def _header(title: str) -> list[str]:
    return [_row(title), "| --- |"]


def _row(*lines: str) -> str:
    """One cell: the page's panel is a hand wide, columns would run out of it."""
    return f"| {'<br>'.join(lines)} |"


def _label(name: str, text: Mapping[str, str]) -> str:
    """The name on the screen, and the one in workflows where that is another."""
    shown = text.get("name", name).removesuffix(f" ({name})")
    return _code(name) if shown == name else f"**{_plain(shown)}** {_code(name)}"


def _code(name: str) -> str:
    """A name that may be broken behind its underscores if it is long."""
    return f"`{name}`" if len(name) < 24 else f"<code>{name.replace('_', '_<wbr>')}</code>"


def _tip(translated: str | None, tip: str) -> list[str]:
    """The tooltip, and sd-scripts' name for the setting on a line of its own."""
    flag = _FLAG.search(tip)
    return [_plain(_FLAG.sub("", translated or tip)), *([_code(flag[1])] if flag else [])]


def _range(name: str, spec: list[Any], language: Language) -> str:
    kind, more = spec[0], spec[1]
    default = more.get("default")
    if isinstance(kind, list) or kind == "COMBO":
        choices = kind if isinstance(kind, list) else more["options"]
        if name in HOSTS_OWN:
            return f"{_plain(default)}; {language.installed}" if default else language.installed
        return language.one_of.format(_plain(default), ", ".join(map(_plain, choices)))
    if kind == "BOOLEAN":
        return language.on if default else language.off
    if kind == "STRING":
        return _plain(default.replace("\n", " ")) if default else language.empty
    return language.between.format(*map(_number, (default, more["min"], more["max"])))


def _number(value: float) -> str:
    if value == 2**53:
        return "2^53"
    if value == int(value):
        return str(int(value))
    return f"{value:g}" if abs(value) >= 1e-4 else f"{value:.0e}".replace("e-0", "e-")


def _plain(text: str) -> str:
    """Text as it stands, whatever Markdown would make of it."""
    return re.sub(r"([\\`*_|<>\[\]~])", r"\\\1", str(text)).replace("\n", "<br>")


def main() -> int:
    """Rewrite all pages; 1 if some are missing."""
    with tempfile.TemporaryDirectory() as base, Host(Path(os.environ["COMFYUI_PATH"]), Path(base), cpu=True) as host:
        info = host.get("/object_info")
    count, wrong = 0, []
    made = [*pages(info), *((page.PAGE, page.table()) for page in (preset_page, settings_page, recipe_page))]
    made.append((model_page.HELP, model_page.listed(FAMILIES)))
    made += [(page, model_page.editing(FAMILIES, *words)) for page, words in model_page.PAIRS.items()]
    made += [(model_page.PAGE, table) for table in model_page.tables(FAMILIES, REFUSED)]
    for path, table in made:
        where = path.relative_to(PACK)
        try:
            old = path.read_text(encoding="utf-8")
            new = rewritten(old, table)
        except (OSError, ValueError) as error:
            wrong.append(f"{where} cannot be rewritten: {error}.")
            continue
        if new != old:
            path.write_text(new, encoding="utf-8")
            count += 1
    print("\n".join([f"{count} help pages were rewritten.", *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
