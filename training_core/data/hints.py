"""Quiet mistakes in a dataset, one sentence for each kind: captions that are missing, not read or shared, and small pictures."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import quoted
from ..settings import DatasetSettings
from ..wording import first_few, plural
from . import names
from .folders import DatasetFolders, files_of, repeats_and_tokens
from .plan import Buckets

TEXTS = frozenset({".txt", ".caption", ".cap", ".tags"})
"""Endings that files of captions are known to have."""
YEARS = range(1900, 2100)
"""Repeats in a folder's name that are a year more likely."""
CONTROLS = frozenset({"control", "controls"})
"""Usual names of folders of control pictures."""
LARGER = 1.1
"""How many times as large a picture is made for its bucket before that is worth a word."""


def missing_captions(missing: Sequence[str], count: int, extension: str, settings: DatasetSettings) -> str:
    """Return a sentence on pictures that are trained on an empty text, as they have no caption file; '' if there are none.

    Args:
        missing: names of the pictures that have neither a caption file nor class tokens.
        count: of all pictures.
        extension: of caption files.
    """
    instead = (settings.caption_prefix + settings.caption_suffix).strip()
    if not missing or settings.caption_dropout_rate == 1:
        return ""
    if len(missing) < count:
        what = "on caption_prefix and caption_suffix alone" if instead else "on an empty text"
        return f"{plural(len(missing), 'picture')} without a {extension} file, trained {what}: {first_few(missing)}."
    if instead:  # the same words for all, as with class_tokens: meant so
        return ""
    if settings.is_reg:
        return f"{plural(count, 'regularization picture')}, 0 captions: set class_tokens of Dataset Loader to the name of their class."
    return (
        f"{plural(count, 'picture')}, 0 captions: all are trained on an empty text, so no word will call the LoRA up; write "
        f"captions with Open dataset, put a {extension} file beside each picture, or set class_tokens."
    )


def of_captions(
    root: Path,
    folders: DatasetFolders,
    files: Sequence[Path],
    pictures: Sequence[Path],
    without: Collection[Path],
    extension: str,
) -> list[str]:
    """Return sentences on captions that are not read, and on those that several pictures share.

    Args:
        root: of the dataset.
        folders: its folders.
        files: all files in those that are read.
        pictures: those of them that are pictures.
        without: those of them that have no caption file.
        extension: of caption files, with its dot.
    """
    elsewhere = [path for name in folders.skipped for path in _files_if_open(root / name)] if without else []
    shared = shared_captions(pictures, extension, files)
    return [*unread_captions(files, elsewhere, pictures, without, extension), *([shared] if shared else [])]


def years(root: Path, folders: DatasetFolders) -> str:
    """Return a sentence on sub-folders such as 2024_trip, whose year is taken for repeats; '' if there are none."""
    named = [folder.path.name for folder in folders.read if folder.path != root]
    found = [name for name in named if repeats_and_tokens(name)[0] in YEARS]
    what = "the sub-folder if it is a year" if len(found) == 1 else "the sub-folders if they are years"
    return f"The number in front of {first_few(found)} is read as repeats: rename {what}." if found else ""


def control_folders(root: Path, folders: DatasetFolders, settings: DatasetSettings) -> str:
    """Return a sentence on a sub-folder called control that control_folder does not name; '' if there is none."""
    read = [folder.path.relative_to(root).as_posix() for folder in folders.read if folder.path != root]
    named = forgotten_controls((*folders.skipped, *read), settings)
    if not named:
        return ""
    return (
        f"If the pictures in {quoted(named[0])} are what the others are made from (edit pairs), write that into control_folder, an "
        "advanced setting of Dataset Loader."
    )


def forgotten_controls(subfolders: Iterable[str], settings: DatasetSettings) -> list[str]:
    """Return those of a dataset's sub-folders that are called control, where control_folder is empty."""
    if settings.control_folder.strip():
        return []
    return [name for name in subfolders if name.rpartition("/")[2].lower() in CONTROLS]


def _files_if_open(folder: Path) -> list[Path]:
    """Return the files of a folder that is no part of the dataset, none if it cannot be listed."""
    try:
        return files_of(folder)
    except OSError:
        return []


def unread_captions(
    files: Collection[Path],
    elsewhere: Iterable[Path],
    pictures: Iterable[Path],
    without: Collection[Path],
    extension: str,
) -> Iterator[str]:
    """Yield sentences on files that look like captions and are not read; those of pictures that have none come first.

    Args:
        files: all files of the dataset's folders.
        elsewhere: those of folders below that are not read.
        pictures: that are trained on or left out.
        without: those of them that have no caption file.
        extension: of caption files, with its dot.
    """
    found: dict[str, list[str]] = {kind: [] for kind in _UNREAD}
    lacking = _Lacking(without, extension)
    for file in files:
        if kind := lacking.kind(file):
            found[kind].append(file.name)
    for file in (*files, *elsewhere):
        if lacking.is_beside_another(file):
            found["place"].append(f"{file.parent.name}/{file.name}")
    for kind, shown in found.items():
        if shown and kind != "other":
            said, advice = (words.format(extension=extension) for words in _UNREAD[kind])
            yield f"{plural(len(shown), 'caption')} not read: {said}; {advice} ({first_few(sorted(shown))})."
    for suffix, count in Counter(Path(name).suffix for name in found["other"]).items():
        yield f"There are {suffix} files ({count}): set caption_extension to {suffix} if they are the captions."
    told = {name.rpartition("/")[2] for shown in found.values() for name in shown}
    stems = {(path.parent, stem) for path in pictures for stem in _stems(path)}
    unmatched = [f for f in files if f.suffix == extension and (f.parent, names.normal(f.stem)) not in stems]
    if rest := [file.name for file in unmatched if file.name not in told]:
        yield f"{plural(len(rest), 'caption')} without a picture of that name: {first_few(rest)}."


_UNREAD = {
    "case": ("their upper and lower case differ", "name each like its picture, with {extension}"),
    "doubled": ("they have the picture's ending in their names", "rename cat.png{extension} to cat{extension}"),
    "place": ("they lie in another folder than their pictures", "move each beside its picture"),
    "other": ("", ""),
}
"""Kinds of captions that are not read: why, and what to do."""


class _Lacking:
    """Pictures that have no caption file, and what files could be theirs."""

    def __init__(self, without: Iterable[Path], extension: str) -> None:
        self._extension = extension
        self._wanted, self._doubled = set[tuple[Path, str]](), set[tuple[Path, str]]()
        self._folders: dict[str, set[Path]] = defaultdict(set)
        for path in without:
            self._wanted.add(_key(path.with_name(path.stem + extension)))
            self._doubled.add(_key(path.with_name(path.name + extension)))
            self._folders[names.normal(path.stem)].add(path.parent)

    def kind(self, file: Path) -> str:
        """Return of which kind a file beside its picture is; '' if it is no caption of one."""
        key = _key(file)
        if key in self._wanted:
            return "case"
        if key in self._doubled:
            return "doubled"
        is_text = file.suffix.lower() in TEXTS and file.suffix != self._extension
        return "other" if is_text and file.parent in self._folders.get(names.normal(file.stem), ()) else ""

    def is_beside_another(self, file: Path) -> bool:
        """Return whether a file could be the caption of a picture in another folder."""
        folders = self._folders.get(names.normal(file.stem)) if file.suffix == self._extension else None
        return bool(folders) and file.parent not in folders


def _stems(picture: Path) -> list[str]:
    """Return the names without ending that the caption file of a picture may have."""
    box = names.face_box(picture.stem)
    return [names.normal(picture.stem), *([names.normal(box[0])] if box else [])]


def shared_captions(pictures: Iterable[Path], extension: str, files: Collection[Path]) -> str:
    """Return a sentence on pictures that differ in their endings alone, and so share a caption file; '' if there are none."""
    by_stem: dict[Path, list[str]] = defaultdict(list)
    for path in pictures:
        by_stem[path.with_name(names.normal(path.stem) + extension)].append(path.name)
    there = {path.with_name(names.normal(path.name)) for path in files}
    groups = [group for caption, group in by_stem.items() if len(group) > 1 and caption in there]
    if not groups:
        return ""
    shown = first_few([" and ".join(group) for group in groups])
    return (
        f"{plural(sum(map(len, groups)), 'picture')} share a {extension} file with another of the same name: take one of each pair "
        f"away, or rename it with a caption of its own ({shown})."
    )


def small_pictures(buckets: Buckets) -> str:
    """Return a sentence on pictures that are enlarged for their buckets; '' if none is by more than a tenth."""
    pictures = buckets.dataset.pictures
    small = {
        e.picture: e.placement for e in buckets.entries if e.placement.resized[0] > LARGER * pictures[e.picture].size[0]
    }
    if not small:
        return ""
    sizes = [
        f"{pictures[i].name} {pictures[i].size[0]}x{pictures[i].size[1]} for {at.bucket[0]}x{at.bucket[1]}"
        for i, at in sorted(small.items(), key=lambda item: pictures[item[0]].size[0] * pictures[item[0]].size[1])
    ]
    are = "is" if len(small) == 1 else "are"
    return (
        f"{len(small)} of {plural(len(pictures), 'picture')} {are} smaller than the bucket and enlarged: use larger originals, lower "
        f"width and height of Bucketer, or switch bucket_no_upscale on ({first_few(sizes)})."
    )


def dataset_hints(buckets: Buckets) -> list[str]:
    """Return what a run should say of its pictures before the first step: warnings of loading and sorting, one for each kind."""
    return [*mistakes([*buckets.dataset.warnings, *buckets.warnings]), *filter(None, [small_pictures(buckets)])]


NO_MISTAKES = ("animated, its first frame is used", "Links to folders that are read under another name")
"""Parts of warnings that a summary has, but about which nothing needs to be done."""


def mistakes(warnings: Sequence[str]) -> list[str]:
    """Return the warnings of a dataset that are probably about a mistake, one for each kind."""
    return in_short([text for text in warnings if not any(part in text for part in NO_MISTAKES)])


_LEFT_OUT = re.compile(r"(.+?) (?:cannot be read and )?is left out: ", re.DOTALL)


def in_short(warnings: Sequence[str]) -> list[str]:
    """Return the warnings of a dataset with a single one about all pictures that are left out, where there are several."""
    left_out = [match[1] for text in warnings if (match := _LEFT_OUT.match(text))]
    if len(left_out) < 2:
        return list(warnings)
    others = [text for text in warnings if not _LEFT_OUT.match(text)]
    return [
        f"{len(left_out)} pictures are left out, the Dataset Loader's summary says why: {first_few(left_out)}.",
        *others,
    ]


def _key(path: Path) -> tuple[Path, str]:
    """Return a file's folder and its name without regard to upper and lower case."""
    return path.parent, names.normal(path.name).casefold()
