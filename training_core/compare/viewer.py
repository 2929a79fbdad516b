"""The comparison as a folder that any browser opens without a server: viewer/index.html."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import link_or_copy, make_folder, write_atomically
from ..text_files import whole_characters
from . import marks, viewer_controls, viewer_scores, virtual
from .bundle import bundle
from .store import failures, is_whole

SOURCE = Path(__file__).resolve().parents[2] / "web" / "viewer"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 0; }}
{style}
</style>
<body><div id="viewer"></div>
<script type="application/json" id="cells">{cells}</script>
<script type="module">
{script}
const data = JSON.parse(document.getElementById("cells").textContent);
mount(document.getElementById("viewer"), data, (id) => `cells/${{id}}.png`);
</script>
</body>
</html>
"""


def write(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write viewer/ into a comparison's folder: index.html, cells.json and the pictures (linked, they take no room).

    The page holds script and data itself: a browser reads neither modules nor JSON beside a page that it opened as a
    file.
    """
    target = folder / "viewer"
    make_folder(target / "cells")
    for key in document["order"]:
        source, copy = folder / "cells" / f"{key}.png", target / "cells" / f"{key}.png"
        if not source.is_file():
            continue
        if not copy.is_file():
            link_or_copy(source, copy)
    text = json.dumps(data(folder, document), ensure_ascii=False)
    _write(target / "cells.json", text)
    page = _PAGE.format(
        title=html.escape(document["title"]),
        style=(SOURCE / "viewer.css").read_text(encoding="utf-8"),
        script=bundle(SOURCE / "viewer.js"),
        cells=text.replace("<", "\\u003c"),  # a prompt may hold </script>
    )
    _write(target / "index.html", page)
    return target / "index.html"


def data(folder: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the viewer shows besides the pictures."""
    errors = failures(folder)
    missing = [key for key in document["order"] if not is_whole(folder / "cells" / f"{key}.png")]
    return {name: document[name] for name in ("title", "axes", "cells", "sizes", "parameters")} | {
        "name": folder.name,
        "failed": {key: errors.get(key, "") for key in missing},  # "": not drawn yet
        "marks": marks.read(folder),
        "virtual": virtual.parts_of(document),
        **viewer_controls.data(folder, document),
        **viewer_scores.data(folder, document),
    }


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(whole_characters(text), encoding="utf-8"))
