"""Routes that edit the caption files of a node's dataset: of one picture, one tag in many, and back again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from ..training_core.errors import AthanorError
from ..training_core.host import folders
from ..training_core.text_files import lines
from . import http

if TYPE_CHECKING:
    from ..training_core.data.caption_changes import NewCaption
    from ..training_core.data.caption_text import TagChange
    from ..training_core.data.dataset import Picture
    from ..training_core.data.view import DatasetView, Filter

_EXAMPLES = 12  # captions of a preview
_ViewOf = Callable[[web.Request], "DatasetView"]


def register(view_of: _ViewOf, filter_of: Callable[[web.Request], Filter]) -> None:
    """Add the routes to the host's server; `view_of` gives the dataset that a request names, `filter_of` its filter of pictures."""
    caption = "/athanor/datasets/{id}/pictures/{index}/caption"
    http.get(caption, lambda request: _caption(view_of(request), _index(request, view_of(request))))
    fields = {"text": str, "stamp": str}
    http.post(caption, partial(_save, view_of), fields, example='{"text": caption, "stamp": as it was read}')
    captions = "/athanor/datasets/{id}/captions"
    http.get(captions, lambda request: {"changes": _changes(view_of(request))})
    example = '{"action": "front", "end", "remove" or "replace", "tag": text, "new": text}'
    http.post(captions, partial(_many, view_of, filter_of), {"action": str, "tag": str}, example=example)
    http.post(f"{captions}/undo", partial(_undo, view_of), {"change": str}, example='{"change": id}')


def can_edit(view: DatasetView) -> bool:
    """Whether a dataset has caption files that are a user's own."""
    return any(not _is_collected(picture) for picture in view.dataset.pictures)


def _is_collected(picture: Picture) -> bool:
    """Whether a picture was saved by Dataset from Images, which writes its captions anew."""
    return picture.path.is_relative_to(folders.collected_folder())


def _index(request: web.Request, view: DatasetView) -> int:
    text = request.match_info["index"]
    if not text.isascii() or not text.isdecimal() or len(text) > 7 or int(text) >= len(view.dataset.pictures):
        raise http.missing("picture")
    return int(text)


def _caption(view: DatasetView, index: int) -> http.Json:
    """Return a picture's caption file: `text`, `stamp` (by which a change is noticed), `there`, and the other pictures of it."""
    from ..training_core.data import caption_text

    picture = _own(view, index)
    found = caption_text.read(view.dataset, picture)
    others = [view.dataset.pictures[i].name for i in _of_file(view, found.file) if i != index]
    return {
        "file": found.file.name,
        "text": found.text,
        "stamp": found.stamp,
        "there": found.data is not None,
        "separator": view.dataset.subsets[picture.subset].caption_separator,
        "shared": others,
    }


def _own(view: DatasetView, index: int) -> Picture:
    picture = view.dataset.pictures[index]
    if _is_collected(picture):
        raise AthanorError("Dataset from Images writes these captions anew: change them in the graph.")
    return picture


def _of_file(view: DatasetView, file: Path) -> list[int]:
    from ..training_core.data import caption_files

    near = [(i, p) for i, p in enumerate(view.dataset.pictures) if p.path.parent == file.parent]
    return [i for i, picture in near if caption_files.file_of(view.dataset, picture) == file]


def _save(view_of: _ViewOf, request: web.Request, body: http.Json) -> http.Json:
    """Write one caption; status 409 if its file is not the one any more that `stamp` tells."""
    from ..training_core.data import caption_changes, caption_files, caption_text

    view = view_of(request)
    index = _index(request, view)
    picture = _own(view, index)
    if body.get("name", picture.name) != picture.name:  # of a page that was open while the dataset changed
        raise web.HTTPConflict(text="The dataset has other pictures by now: open it again.")
    if not picture.path.is_file():
        raise AthanorError(f"{picture.name} is not there any more: open the dataset again.")
    before = caption_text.read(view.dataset, picture)
    if before.stamp != body["stamp"]:
        raise web.HTTPConflict(text=f"{before.file.name} was changed by another program meanwhile.")
    new = caption_changes.NewCaption(caption_files.root_of(picture), before, "\n".join(lines(body["text"])))
    with _followed(view, _of_file(view, before.file)) as state:
        _written(f"edit {before.file.name}", [new])
    return {**_caption(view, index), "picture": view.picture(index), **state, "changes": _changes(view)}


def _backups() -> Path:
    from ..training_core.data import caption_changes

    return caption_changes.place(folders.output_folder())


def _written(what: str, wanted: Sequence[NewCaption]) -> int:
    from ..training_core.data import caption_changes

    try:
        return caption_changes.write(_backups(), what, wanted)
    except caption_changes.ChangedMeanwhile as error:
        raise web.HTTPConflict(text=str(error)) from None


@contextmanager
def _followed(view: DatasetView, indices: Sequence[int]) -> Iterator[http.Json]:
    """Give pictures of a view the captions that their files have afterwards.

    Yields what is told of it: `stale` is true if nodes between change captions, so that the page has to open the dataset again.
    """
    from ..training_core.data import caption_text, captions

    def texts() -> dict[int, str]:
        return {
            i: captions.stripped(caption_text.read(view.dataset, view.dataset.pictures[i]).text)
            for i in indices
            if not _is_collected(view.dataset.pictures[i])
        }

    state: http.Json = {"stale": False}
    before = texts()
    try:
        yield state
    finally:
        changed = {i: text for i, text in texts().items() if text != before[i]}
        state["stale"] = any(view.dataset.pictures[i].caption != before[i] for i in changed)
        if changed and not state["stale"]:
            view.recaption(changed)


def _many(
    view_of: _ViewOf, filter_of: Callable[[web.Request], Filter], request: web.Request, body: http.Json
) -> http.Json:
    """Change a tag in the captions of the pictures that match; without `stamp` only tell what would change.

    `stamp` is that of the preview: where its files or captions are other ones by now, the answer is status 409.
    """
    from ..training_core.data.caption_text import TagChange

    view, new, stamp = view_of(request), body.get("new", ""), body.get("stamp", "")
    if not isinstance(new, str) or not isinstance(stamp, str):
        raise web.HTTPBadRequest(text="new and stamp must be text")
    change = TagChange(action=body["action"], tag=body["tag"], new=new, in_tags=view.has_tags)
    indices = view.matching(filter_of(request))
    wanted = _planned(view, change, indices)
    digest = hashlib.sha256()
    for each in wanted:
        digest.update(repr((str(each.before.file), each.before.stamp, each.text)).encode())
    told = {"files": len(wanted), "pictures": len(indices), "stamp": digest.hexdigest(), "what": str(change)}
    if not stamp:
        first = [{"file": e.before.file.name, "before": e.before.text, "after": e.text} for e in wanted[:_EXAMPLES]]
        return {**told, "first": first}
    if stamp != told["stamp"]:
        raise web.HTTPConflict(text="Captions were changed since the preview: look at it again.")
    with _followed(view, range(len(view.dataset.pictures))) as state:
        _written(str(change), wanted)
    return {**told, **state, "changes": _changes(view)}


def _planned(view: DatasetView, change: TagChange, indices: Sequence[int]) -> list[NewCaption]:
    """Return the caption files that a change of tags alters, each once."""
    from ..training_core.data import caption_changes, caption_files, caption_text
    from ..training_core.data.tags import Separators

    found: dict[Path, NewCaption] = {}
    for index in indices:
        picture = view.dataset.pictures[index]
        if _is_collected(picture) or not picture.path.is_file():
            continue
        before = caption_text.read(view.dataset, picture)
        text = change.made(before.text, Separators.of(view.dataset.subsets[picture.subset]))
        if text != before.text:
            found.setdefault(before.file, caption_changes.NewCaption(caption_files.root_of(picture), before, text))
    return list(found.values())


def _roots(view: DatasetView) -> list[Path]:
    from ..training_core.data import caption_files

    return list(dict.fromkeys(caption_files.root_of(picture) for picture in view.dataset.pictures))


def _changes(view: DatasetView) -> list[http.Json]:
    """Return the last changes of a dataset's captions that can be undone, the newest first."""
    from ..training_core.data import caption_changes

    changes = caption_changes.listed(_backups(), _roots(view))
    return [{"id": each.id, "what": each.what, "files": each.files} for each in changes]


def _undo(view_of: _ViewOf, request: web.Request, body: http.Json) -> http.Json:
    """Put back what a change has written; files that were changed again since stay as they are."""
    from ..training_core.data import caption_changes

    view = view_of(request)
    with _followed(view, range(len(view.dataset.pictures))) as state:
        text = caption_changes.undo(_backups(), _roots(view), body["change"])
    return {"text": text, **state, "changes": _changes(view)}
