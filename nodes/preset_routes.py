"""Routes of presets: published recipes and a user's own, and which of them are for the model that a graph loads."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from ..training_core.families import FAMILIES
from ..training_core.host import folders
from ..training_core.settings import own_presets, presets
from . import http, model_files

TITLES = tuple(family.title for family in FAMILIES)
_LONGEST = 200_000  # bytes of a preset
_EXAMPLE = (
    '{"name": "mine", "families": ["SDXL"], "purposes": ["style"], "about": "", "settings": {"network": {"rank": 16}}}'
)


def register() -> None:
    """Add the routes to the host's server."""
    http.get("/athanor/presets", lambda _: listed())
    http.get("/athanor/presets/family", lambda request: family(request.query))
    fields = {"name": str, "settings": dict}
    http.post("/athanor/presets", lambda _, body: save(body), fields, example=_EXAMPLE, longest=_LONGEST)
    http.post("/athanor/presets/delete", lambda _, body: delete(body), {"name": str}, example='{"name": "mine"}')


def listed() -> http.Json:
    """Return all presets with every field that they set, the groups of settings with their nodes, and files that are no presets."""
    own, unread = own_presets.listed(folders.presets_folder(), TITLES)
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


def save(body: http.Json) -> http.Json:
    """Write an own preset and return it as the list tells it; with "replace" it takes the place of another of its name."""
    try:
        preset = own_presets.save(folders.presets_folder(), body, TITLES, replace=body.get("replace") is True)
    except own_presets.TakenName as error:
        raise web.HTTPConflict(text=str(error)) from None
    return _told(preset, own=True)


def delete(body: http.Json) -> http.Json:
    """Delete an own preset by its name."""
    if not own_presets.delete(folders.presets_folder(), body["name"]):
        raise http.missing("preset")
    return {"deleted": body["name"]}


def _told(preset: presets.Preset, *, own: bool) -> http.Json:
    return asdict(preset) | {"settings": preset.filled, "own": own}
