"""ES modules as one script, for a page that is opened as a file: there a browser loads no module beside the page."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def bundle(entry: Path) -> str:
    """Return one script with the module `entry` and all that it imports from its folder.

    Every module becomes a function that returns its exports, so that modules may use the same names inside. The exports
    of `entry` are constants of the script.

    Raises:
        ValueError: a module imports or exports in another form than `import { a, b } from "./name.js"` and
            `export function | class | const`, or two modules import each other.
    """
    scripts: dict[str, str] = {}
    _add(entry, scripts, ())
    exports = _EXPORT.findall(entry.read_text(encoding="utf-8"))
    return "\n".join([*scripts.values(), f"const {{ {', '.join(exports)} }} = {_variable(entry.stem)};"])


def _add(path: Path, scripts: dict[str, str], importers: tuple[str, ...]) -> None:
    """Add a module to `scripts`, behind those that it imports."""
    if path.stem in scripts:
        return
    if path.stem in importers:
        raise ValueError(f"{path.name} imports itself, by way of {', '.join(importers)}; break the circle.")
    source = path.read_text(encoding="utf-8")
    for _, name in _IMPORT.findall(source):
        _add(path.with_name(f"{name}.js"), scripts, (*importers, path.stem))
    exports = _EXPORT.findall(source)
    body = _EXPORT.sub("", _IMPORT.sub(lambda match: f"const {{{match[1]}}} = {_variable(match[2])};\n", source))
    if other := _OTHER.search(body):
        raise ValueError(f"{path.name} has a form of import or export that a file page cannot hold: {other[0]}")
    scripts[path.stem] = f"const {_variable(path.stem)} = (() => {{\n{body}return {{ {', '.join(exports)} }};\n}})();"


def _variable(module: str) -> str:
    """Return the name of a module's exports in the script."""
    return f"module_{module.replace('-', '_')}"
