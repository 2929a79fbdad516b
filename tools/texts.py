"""What of the pack is not translated, and which translations are older than their English (`python dev.py texts`).

English is enough: a text without a translation is shown in English. A translation is wrong, and a test fails, only if it
names a number, a setting or a placeholder that the English text of today does not have.

python dev.py texts             list texts that are missing, outdated, unused or wrong, by language
python dev.py texts --accept    mark all present translations as made from the English of today

locales/<language>/translated_from.json holds a digest of the English text that each translation was made from. The
page's own texts and the server's sentences (sentences.py) need none: there English is the key.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent))

import help_pages
import sentences

PACK = Path(__file__).resolve().parents[1]
PAGE = PACK / "web" / "athanor"
SHARED = PACK / "web" / "viewer"
"""Modules of the viewer, some of which the page draws with as well, in its language."""
LOCALES = PACK / "locales"
TABLES = {"zh": "words_zh.js", "zh-TW": "words_zh_tw.js"}
HELP = {"zh": "zh.md"}
"""Languages with help pages of their own; zh-TW shows those of zh."""

STRING = r'"((?:[^"\\]|\\.)*)"'
FACTS = re.compile(r"--[a-z0-9_]+|\b[a-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+|\d+(?:\.\d+)?(?:e-?\d+)?|\{\w+\}")
"""Flags, names of settings, numbers, placeholders."""

_CODE = re.compile(r"`([^`]+)`")
_CALL = re.compile(r"(?<![\w.$])t\(")
_TOKEN = re.compile(rf"(?P<compared>[=!]==\s*)?{STRING}|(?P<bracket>[(\[{{])|(?P<end>[)\]}}])|(?P<comma>,)")


@dataclass(frozen=True, slots=True)
class Report:
    """Keys of texts by what is to be done about them; `wrong` also says what is wrong."""

    missing: list[str]
    outdated: list[str]
    unused: list[str]
    wrong: list[str]


def page_calls(source: str) -> Iterator[list[str]]:
    """Yield the English texts in the first value of each t(...) of a module: one, or two where a condition chooses."""
    for call in _CALL.finditer(source):
        depth, texts = 0, []
        for token in _TOKEN.finditer(source, call.end()):
            if token["bracket"]:
                depth += 1
            elif token["end"]:
                depth -= 1
            elif token["comma"] is None and not token["compared"]:
                texts.append(json.loads(f'"{token[2]}"'))
            if depth < 0 or (token["comma"] and depth == 0):
                break
        yield texts


def modules() -> dict[str, str]:
    """Return the source of the page's modules by path, without tables and without t() itself."""
    names = {*TABLES.values(), "words.js"}
    paths = [path for folder in (PAGE, SHARED) for path in sorted(folder.glob("*.js")) if path.name not in names]
    return {str(path.relative_to(PACK)): path.read_text(encoding="utf-8") for path in paths}


def page_texts() -> dict[str, str]:
    """Return the page's own texts: English by key, which is the English itself, and the names of commands."""
    found = {text: text for source in modules().values() for texts in page_calls(source) for text in texts}
    commands = re.findall(rf"\bid: {STRING},\s*label: {STRING}", "".join(modules().values()))
    return found | {f"commands.{name.replace('.', '_')}.label": label for name, label in commands}


def page_table(language: str) -> list[tuple[str, str]]:
    """Return English and translation of each line of a language's table."""
    source = (PAGE / TABLES[language]).read_text(encoding="utf-8")
    lines = re.findall(rf"^  {STRING}:\s+{STRING}", source, re.MULTILINE)
    return [(json.loads(f'"{english}"'), json.loads(f'"{text}"')) for english, text in lines]


def page_translations(language: str) -> dict[str, str]:
    """Return a language's texts of the page and names of commands by key."""
    commands = json.loads((LOCALES / language / "commands.json").read_text(encoding="utf-8"))
    return dict(page_table(language)) | flat(commands, "commands")


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the leaves of a tree by path: {"a": {"b": "c"}} gives {"a.b": "c"}."""
    result = {}
    for name, value in tree.items():
        path = f"{prefix}.{name}" if prefix else name
        result |= flat(value, path) if isinstance(value, Mapping) else {path: value}
    return result


def node_texts(info: Mapping[str, Any]) -> dict[str, str]:
    """Return the English texts of the pack's nodes by path, as nodeDefs.json has them. `info`: the host's /object_info."""
    tree: dict[str, Any] = {}
    for name, node in info.items():
        if not name.startswith("Athanor"):
            continue
        inputs = {**node["input"].get("required", {}), **node["input"].get("optional", {})}
        texts = {key: {"name": key, "tooltip": spec[1].get("tooltip", "")} for key, spec in inputs.items()}
        if "seed" in inputs:  # ComfyUI's page adds this field
            texts["control_after_generate"] = {"name": "control_after_generate", "tooltip": ""}
        outputs = zip(node["output_name"], node["output_tooltips"], strict=True)
        tree[name] = {
            "display_name": node["display_name"],
            "description": node["description"],
            "inputs": texts,
            "outputs": {str(i): {"name": label, "tooltip": tip or ""} for i, (label, tip) in enumerate(outputs)},
        }
    return {path: text for path, text in flat(tree).items() if text}


def node_translations(language: str) -> dict[str, str]:
    """Return a language's texts of the nodes by path."""
    return flat(json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8")))


def page_facts(text: str) -> set[str]:
    """Return what a help page states: facts, and all that stands in code."""
    return set(FACTS.findall(text)) | set(_CODE.findall(text.replace("```", "`")))


def help_texts(info: Mapping[str, Any]) -> dict[str, str]:
    """Return the English help page of each node by node, as far as there is one, with its tables."""
    paths = {name: help_pages.DOCS / f"{name}.md" for name in info if name.startswith("Athanor")}
    return {name: path.read_text(encoding="utf-8") for name, path in paths.items() if path.is_file()}


def help_translations(language: str) -> dict[str, str]:
    """Return a language's help pages by node, without their tables, which are made from the nodes' texts."""
    pages = sorted(help_pages.DOCS.glob(f"*/{HELP[language]}"))
    return {page.parent.name: _prose(page.read_text(encoding="utf-8")) for page in pages}


def _prose(page: str) -> str:
    return page.partition(help_pages.BEGIN)[0]


def _is_label(path: str) -> bool:
    """Whether a node's text is the name of an input or output: it states nothing, and in English it is the key itself."""
    return bool(re.search(r"\.(?:in|out)puts\.\w+\.name$", path))


def digest(english: str) -> str:
    """Return eight hexadecimal digits that change with a text."""
    return hashlib.sha256(english.encode()).hexdigest()[:8]


def compare(english: Mapping[str, str], translated: Mapping[str, str], made_from: Mapping[str, str] | None) -> Report:
    """Return what is to be done about the translations of a set of texts.

    Args:
        english: texts by key.
        translated: translations by key.
        made_from: digests of the English text that each translation was made from; None: the key is the English.
    """
    both = [key for key in translated if key in english and not _is_label(key)]
    outdated = [key for key in both if made_from is not None and made_from.get(key) != digest(english[key])]
    wrong = []
    for key in both:
        facts = set(FACTS.findall(english[key]))
        if extra := [fact for fact in FACTS.findall(translated[key]) if fact not in facts]:
            wrong.append(f"{key} names {', '.join(extra)}, which the English text does not have")
    missing = [key for key in english if key not in translated]
    return Report(missing, outdated, [key for key in translated if key not in english], wrong)


def compare_help(english: Mapping[str, str], translated: Mapping[str, str], made_from: Mapping[str, str]) -> Report:
    """Return what is to be done about the help pages of a language. `english`: whole pages, tables included."""
    prose = compare({name: _prose(page) for name, page in english.items()}, translated, made_from)
    wrong = []
    for name in translated.keys() & english.keys():
        facts = page_facts(english[name])
        extra = sorted(fact for fact in page_facts(translated[name]) if fact not in facts and fact not in english[name])
        if extra:
            wrong.append(f"{name} names {', '.join(extra)}, which the English page does not have")
    return Report(prose.missing, prose.outdated, prose.unused, sorted(wrong))


def compare_sentences(language: str, info: Mapping[str, Any]) -> Report:
    """Return what is to be done about a language's sentences of the server; there the English is the key."""
    nodes = {text.partition("\n")[0] for text in node_texts(info).values()}
    translated = sentences.translations(language, sentences.catalogue())
    english = sentences.sentences(nodes) | {text: text for text in translated if sentences.is_in_code(text)}
    return compare(english, translated, None)


def digests(language: str) -> dict[str, str]:
    """Return the digests of the English texts that a language's translations were made from."""
    path = LOCALES / language / "translated_from.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def accept(language: str, info: Mapping[str, Any]) -> int:
    """Mark all present translations of nodes and help pages as made from the English of today; return how many."""
    pages = {f"help.{name}": _prose(page) for name, page in help_texts(info).items()}
    present = {f"help.{name}" for name in help_translations(language)} if language in HELP else set()
    translated = node_translations(language)
    texts = {key: text for key, text in node_texts(info).items() if key in translated and not _is_label(key)}
    texts |= {key: text for key, text in pages.items() if key in present}
    content = json.dumps({key: digest(texts[key]) for key in sorted(texts)}, indent=1)
    (LOCALES / language / "translated_from.json").write_text(content + "\n", encoding="utf-8")
    return len(texts)


def reports(language: str, info: Mapping[str, Any]) -> dict[str, Report]:
    """Return a language's reports by kind of text."""
    made_from = digests(language)
    result = {
        "page": compare(page_texts(), page_translations(language), None),
        "nodes": compare(node_texts(info), node_translations(language), made_from),
        "sentences": compare_sentences(language, info),
        "notes": compare(
            sentences.note_lines(), sentences.translations(language, sentences.catalogue(sentences.NOTES)), None
        ),
    }
    if language in HELP:
        made_from_pages = {key.removeprefix("help."): value for key, value in made_from.items()}
        result["help pages"] = compare_help(help_texts(info), help_translations(language), made_from_pages)
    return result


def main(arguments: list[str]) -> int:
    """Print the reports of all languages; 1 if a translation is wrong."""
    sys.path.append(str(PACK / "demo"))
    from host import Host

    with tempfile.TemporaryDirectory() as base, Host(Path(os.environ["COMFYUI_PATH"]), Path(base), cpu=True) as host:
        info = host.get("/object_info")
    wrong = 0
    for language in TABLES:
        if "--accept" in arguments:
            print(f"{language}: {accept(language, info)} translations are marked as up to date.")
        counts: Counter[str] = Counter()
        for kind, report in reports(language, info).items():
            for what in ("missing", "outdated", "unused", "wrong"):
                for key in getattr(report, what):
                    print(f"{language}, {kind}, {what}: {key}")
                    counts[what] += 1
        wrong += counts["wrong"]
        summary = ", ".join(f"{counts[what]} {what}" for what in ("missing", "outdated", "unused", "wrong"))
        print(f"{language}: {summary}. Missing texts are shown in English.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
