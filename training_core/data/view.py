"""A dataset as a page looks at it: counted, filtered, a screenful at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from ..settings import DoctorSettings
from .dataset import Dataset
from .doctor import tags
from .doctor.examine import examine
from .doctor.finding import Finding
from .doctor.texts import normal, tags_of, texts, words
from .doctor.vocabulary import STOP
from .plan import Buckets

MOST_PICTURES, MOST_TERMS = 200, 1000
"""Of one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which pictures are asked for; empty fields ask for all."""

    terms: tuple[str, ...] = ()  # tags or words that the caption has
    without: tuple[str, ...] = ()  # and that it has not
    bucket: tuple[int, int] | None = None
    finding: int | None = None  # its number in `View.findings`
    text: str = ""  # part of the name or of the caption


@dataclass(slots=True, kw_only=True)
class View:
    """One dataset that pages look at; what takes time is done once."""

    title: str
    dataset: Dataset
    buckets: Buckets | None = None
    doctor: DoctorSettings = field(default_factory=DoctorSettings)
    findings: tuple[Finding, ...] | None = None  # None: not looked for yet
    has_tags: bool = False  # else the captions are sentences, and the terms are words
    _terms: dict[str, list[int]] = field(default_factory=dict)  # -> pictures
    _entries: dict[int, list[Any]] = field(default_factory=dict)  # picture -> placements
    _found: dict[int, list[int]] = field(default_factory=dict)  # picture -> findings
    _repeats: tuple[int, ...] = ()
    _lock: Any = field(default_factory=Lock)

    def __post_init__(self) -> None:
        written, self._repeats = texts(self.dataset), self.dataset.repeats
        self.has_tags = tags.prevail(self.dataset, written, tags.tag_lists(self.dataset, written))
        found: dict[str, list[int]] = defaultdict(list)
        for index, text in enumerate(written):
            for term in self._terms_of(index, text):
                found[term].append(index)
        self._terms = dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))
        entries: dict[int, list[Any]] = defaultdict(list)
        for entry in self.buckets.entries if self.buckets else ():
            entries[entry.picture].append(entry.placement)
        self._entries = dict(entries)

    def _terms_of(self, index: int, text: str) -> set[str]:
        if self.has_tags:
            return set(tags_of(text, self.dataset.subsets[self.dataset.pictures[index].subset].caption_separator))
        return {word for word in words(text) if word not in STOP and (word.isascii() or len(word) > 1)}

    def overview(self) -> dict[str, Any]:
        """What a page shows before any picture, ready for JSON."""
        counts = Counter(p.bucket for placements in self._entries.values() for p in placements)
        return {
            "title": self.title,
            "pictures": len(self.dataset.pictures),
            "seen": sum(self._repeats),
            "kind": "tags" if self.has_tags else "words",
            "terms": len(self._terms),
            "buckets": [[width, height, count] for (width, height), count in sorted(counts.items())],
            "warnings": [*self.dataset.warnings, *(self.buckets.warnings if self.buckets else ())],
            "findings": self.findings_told(),
        }

    def terms(self, text: str = "", most: int = MOST_TERMS) -> dict[str, Any]:
        """Tags or words that contain `text`, the most frequent first, each with the number of pictures."""
        wanted = normal(text) if self.has_tags else text.strip().lower()
        found = [[term, len(pictures)] for term, pictures in self._terms.items() if wanted in term]
        return {"total": len(found), "terms": found[: min(most, MOST_TERMS)]}

    def examine(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Let the doctor look, if it has not; `progress` is called with (done, total), what it raises ends it."""
        with self._lock:
            if self.findings is not None:
                return
            findings = examine(self.dataset, self.doctor, progress=progress).findings
            found: dict[int, list[int]] = defaultdict(list)
            for number, finding in enumerate(findings):
                for picture in dict.fromkeys(finding.pictures):
                    found[picture].append(number)
            self._found, self.findings = dict(found), findings

    def findings_told(self) -> list[dict[str, Any]] | None:
        """The findings, ready for JSON; None: not looked for yet."""
        if self.findings is None:
            return None
        return [
            {"level": f.level, "kind": f.kind, "text": f.text, "pictures": len(set(f.pictures))} for f in self.findings
        ]

    def matching(self, wanted: Filter) -> Sequence[int]:
        """The pictures that a filter lets through, in their order; those of a finding in its own order."""
        found: Sequence[int] = range(len(self.dataset.pictures))
        if wanted.finding is not None:
            findings = self.findings or ()
            found = list(dict.fromkeys(findings[wanted.finding].pictures)) if wanted.finding < len(findings) else []
        for term in wanted.terms:
            having = set(self._terms.get(term, ()))
            found = [i for i in found if i in having]
        for term in wanted.without:
            having = set(self._terms.get(term, ()))
            found = [i for i in found if i not in having]
        if wanted.bucket:
            found = [i for i in found if any(p.bucket == wanted.bucket for p in self._entries.get(i, ()))]
        if text := wanted.text.strip().lower():
            pictures = self.dataset.pictures
            found = [i for i in found if text in pictures[i].name.lower() or text in pictures[i].caption.lower()]
        return found

    def page(self, wanted: Filter, first: int, count: int) -> dict[str, Any]:
        """Some of the pictures that a filter lets through, ready for JSON, and how many there are."""
        found = self.matching(wanted)
        return {
            "total": len(found),
            "pictures": [self._told(i) for i in found[first : first + min(count, MOST_PICTURES)]],
        }

    def _told(self, index: int) -> dict[str, Any]:
        picture = self.dataset.pictures[index]
        return {
            "index": index,
            "name": picture.name,
            "size": picture.size,
            "caption": picture.caption,
            "repeats": self._repeats[index],
            "is_reg": self.dataset.subsets[picture.subset].is_reg,
            "masked": picture.mask is not None,
            "places": [
                {"bucket": p.bucket, "resized": p.resized, "crop": p.crop} for p in self._entries.get(index, ())
            ],
            "findings": self._found.get(index, []),
        }
