"""Routes of presets: published recipes and a user's own, and which of them are for the model that a graph loads."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..training_core.families import FAMILIES
from ..training_core.host import folders
from ..training_core.settings import own_presets, presets
from ..training_core.settings.named_files import NamedFiles
from . import http, model_files, named_routes

TITLES = tuple(family.title for family in FAMILIES)
_EXAMPLE = (
    '{"name": "mine", "families": ["SDXL"], "purposes": ["style"], "about": "", "settings": {"network": {"rank": 16}}}'
)


def register() -> None:
    """Add the routes to the host's server."""
    http.get("/athanor/presets", lambda _: listed())
    http.get("/athanor/presets/family", lambda request: family(request.query))
    fields = {"name": str, "settings": dict}
    named_routes.register("/athanor/presets", _own, _told, fields, _EXAMPLE)


def listed() -> http.Json:
    """Return all presets with every field that they set, the groups of settings with their nodes, and files that are no presets."""
    own, unread = _own().listed()
    defaults = presets.defaults()
    return {
        "presets": [_told(preset, own=True) for preset in own]
        + [_told(preset, own=False) for preset in presets.shipped()],
        "groups": {name: {"node": group.node, "defaults": defaults[name]} for name, group in presets.GROUPS.items()},
        "families": list(TITLES),
        "purposes": list(presets.PURPOSES),
        "unread": unread,
    }


def family(query: Any) -> http.Json:
    """Return the title of the family of a model's file, as `?ckpt_name=` or `?unet_name=` names it; '' where it is not known."""
    found = model_files.family(query)
    return {"family": found.title if found else ""}


def _own() -> NamedFiles[presets.Preset]:
    return own_presets.kept(folders.own_folder("presets"), TITLES)


def _told(preset: presets.Preset, *, own: bool = True) -> http.Json:
    return asdict(preset) | {"settings": preset.filled, "own": own}
