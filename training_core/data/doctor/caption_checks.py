"""Check captions as texts: missing, identical, short, too long, or without the trigger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from ...errors import quoted
from ...wording import first_few, plural
from .. import captions
from ..dataset import Dataset
from ..hints import in_short
from .finding import Finding, names, training
from .texts import estimated_tokens, has_trigger, is_list, normal, normal_tags, words

Count = Callable[[str, bool], "int | None"]
"""Returns the CLIP tokens of (text, whether brackets are emphasis); None if there is no CLIP text encoder."""

_HAS_A_FINDING = ("trained on an empty text", ", 0 captions: ", captions.ONLY_FIRST, "without a control picture: ")
"""Parts of the scan's warnings about which there are findings of their own, here or in `pairs`."""


def check(dataset: Dataset, texts: Sequence[str], trigger: str, count: Count | None) -> list[Finding]:
    """Return the findings about captions.

    Args:
        texts: what each picture is trained on, from `training_texts`.
        trigger: the word that should call up the LoRA; empty: it is not checked.
        count: counts CLIP tokens; None: they are estimated.
    """
    trained = training(dataset)
    findings = [
        *_missing(dataset, texts),
        *_identical(dataset, texts, trained),
        *_short(dataset, texts, trained, trigger),
        *_several_lines(dataset),
        *_commas(dataset, texts),
        *_too_long(dataset, texts, count),
    ]
    if trigger.strip():
        findings += _trigger(dataset, texts, trained, trigger.strip())
    return findings


def scan_warnings(dataset: Dataset) -> list[Finding]:
    """Return the Dataset Loader's warnings as findings, except those about which other checks have their own.

    The warnings about pictures that are left out, one for each, become a single one.
    """
    warnings = [text for text in dataset.warnings if not any(part in text for part in _HAS_A_FINDING)]
    return [Finding(level="warning", kind="loading", text=text) for text in in_short(warnings)]


def _missing(dataset: Dataset, texts: Sequence[str]) -> list[Finding]:
    empty = [i for i, text in enumerate(texts) if not text]
    if not empty:
        return []
    if len(empty) == len(texts):
        text = "No picture has a caption, so no word will trigger the LoRA; write captions or set class_tokens."
    else:
        text = f"{plural(len(empty), 'picture')} without a caption, trained on an empty text: {names(dataset, empty)}."
    return [Finding(level="warning", kind="missing captions", text=text, pictures=tuple(empty))]


def _identical(dataset: Dataset, texts: Sequence[str], trained: Sequence[int]) -> list[Finding]:
    """Find captions that several different pictures share, if those are 10 % of the `trained` pictures and at least 3.

    The caption of an edit pair says what is done to its control picture, and may be the same for all.

    If all these captions are class tokens the finding is only a hint, as the user has chosen them.
    """
    trained = [i for i in trained if not dataset.pictures[i].controls]
    contents: dict[str, set[str]] = defaultdict(set)
    by_text: dict[str, list[int]] = defaultdict(list)
    for i in trained:
        picture = dataset.pictures[i]
        if texts[i] and picture.content not in contents[texts[i]]:
            contents[texts[i]].add(picture.content)
            by_text[texts[i]].append(i)
    groups = sorted((group for group in by_text.values() if len(group) > 1), key=len, reverse=True)
    number = sum(map(len, groups))
    if number < max(3, 0.1 * len(trained)):
        return []
    shared = first_few([f"'{_start(texts[group[0]])}' ({len(group)})" for group in groups])
    level = "hint" if all(_of_class(dataset, group) for group in groups) else "warning"
    text = (
        f"{number} pictures share their caption with others, so the LoRA cannot learn what sets them apart: {shared}."
    )
    return [
        Finding(level=level, kind="identical captions", text=text, pictures=tuple(i for group in groups for i in group))
    ]


def _of_class(dataset: Dataset, group: Sequence[int]) -> bool:
    """Whether the pictures' captions come from class_tokens or from their folders' names 'N_name'."""
    for picture in (dataset.pictures[i] for i in group):
        folder = picture.name.rsplit("/", 2)[-2] if "/" in picture.name else ""
        if picture.caption not in (dataset.subsets[picture.subset].class_tokens, folder.partition("_")[2]):
            return False
    return True


def _short(dataset: Dataset, texts: Sequence[str], trained: Sequence[int], trigger: str) -> list[Finding]:
    """Find captions of one or two words among longer ones; where most are short (median below 6 words), that is intended."""
    lengths = {i: len(words(texts[i])) for i in trained if texts[i]}
    if not lengths or np.median(list(lengths.values())) < 6:
        return []
    short = [i for i, length in lengths.items() if length < 3 and normal(texts[i]) != normal(trigger)]
    if not short:
        return []
    text = f"{plural(len(short), 'caption')} of only one or two words, while the others are longer: {names(dataset, short)}."
    return [Finding(level="hint", kind="short captions", text=text, pictures=tuple(short))]


def _several_lines(dataset: Dataset) -> list[Finding]:
    """Find captions of several lines of which only the first is trained."""
    cut = [i for i, p in enumerate(dataset.pictures) if captions.only_first_line(p.caption, dataset.subsets[p.subset])]
    if not cut:
        return []
    text = f"{plural(len(cut), 'picture')} {captions.ONLY_FIRST}: {names(dataset, cut)}."
    return [Finding(level="warning", kind="captions of several lines", text=text, pictures=tuple(cut))]


def _commas(dataset: Dataset, texts: Sequence[str]) -> list[Finding]:
    """Find tag lists with full-width commas, which do not separate tags."""
    wide = []
    for i, text in enumerate(texts):
        separator = dataset.subsets[dataset.pictures[i].subset].caption_separator
        is_tags = is_list(normal_tags(text.replace("，", ",").replace("、", ",")))
        if separator == "," and "," not in text and ("，" in text or "、" in text) and is_tags and "。" not in text:
            wide.append(i)
    if not wide:
        return []
    text = (
        f"{plural(len(wide), 'caption')} with full-width commas, read as one tag; use ',' or set caption_separator: "
        f"{names(dataset, wide)}."
    )
    return [Finding(level="hint", kind="commas", text=text, pictures=tuple(wide))]


def _too_long(dataset: Dataset, texts: Sequence[str], count: Count | None) -> list[Finding]:
    over: dict[int, int] = {}  # picture -> tokens
    exact = count is not None
    for i, text in enumerate(texts):
        settings = dataset.subsets[dataset.pictures[i].subset]
        if settings.max_token_length == "unlimited":
            continue
        limit = int(settings.max_token_length)
        # A token is at least one byte long, so most captions need no counting.
        if len(text.encode()) <= limit:
            continue
        tokens = count(text, settings.weighted_captions) if count else estimated_tokens(text)
        if tokens is not None and tokens > limit:
            over[i] = tokens
    if not over:
        return []
    order = sorted(over, key=over.__getitem__, reverse=True)
    most = over[order[0]]
    sufficient = next((str(n) for n in (75, 150, 225) if most <= n), "unlimited")
    about = "" if exact else "about "
    shown = first_few([f"{dataset.pictures[i].name} ({about}{over[i]} tokens)" for i in order])
    verb = "is" if len(over) == 1 else "are"
    text = (
        f"{plural(len(over), 'caption')} {verb} longer than max_token_length and {'will be' if exact else 'may be'} cut; "
        f"shorten {'it' if len(over) == 1 else 'them'} or set max_token_length to {sufficient}: {shown}."
    )
    return [Finding(level="warning", kind="long captions", text=text, pictures=tuple(order))]


def _trigger(dataset: Dataset, texts: Sequence[str], trained: Sequence[int], trigger: str) -> list[Finding]:
    result = []
    lacking = [i for i in trained if not has_trigger(texts[i], trigger)]
    if lacking and len(lacking) == len(trained):
        text = f"trigger {quoted(trigger)} is in none of the captions; add it to them, or as caption_prefix of the Dataset Loader."
        result.append(Finding(level="error", kind="trigger", text=text))
    elif lacking:
        text = f"{plural(len(lacking), 'caption')} without the trigger {quoted(trigger)}: {names(dataset, lacking)}."
        result.append(Finding(level="warning", kind="trigger", text=text, pictures=tuple(lacking)))
    reg = sorted({i for i, text in enumerate(texts) if has_trigger(text, trigger)} - set(trained))
    if reg:
        text = (
            f"{plural(len(reg), 'regularization picture')} with the trigger {quoted(trigger)} in the caption, which they should "
            f"not have: {names(dataset, reg)}."
        )
        result.append(Finding(level="warning", kind="trigger in regularization", text=text, pictures=tuple(reg)))
    return result


def _start(text: str, most: int = 30) -> str:
    text = text.replace("\n", " ")
    return text if len(text) <= most else text[:most].rstrip() + "…"
