"""Answer a page's questions about a dataset: counts, terms, findings, and pictures by a filter, some at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from ..settings import BucketSettings, DoctorSettings
from . import captions, names
from .buckets import Placement
from .dataset import Dataset
from .doctor import tag_checks
from .doctor.examine import Progress, examine
from .doctor.finding import Finding
from .doctor.texts import normal, normal_tags, training_texts, words
from .doctor.vocabulary import STOP
from .plan import Buckets

MOST_PICTURES, MOST_TERMS = 200, 1000
"""Pictures, and tags or words, in one answer at most."""


def doctor_settings(settings: BucketSettings) -> DoctorSettings:
    """Return what the doctor checks a dataset against that is sorted into buckets: their resolution as a square, and batch size."""
    side = round((settings.width * settings.height) ** 0.5 / 64) * 64
    return DoctorSettings(resolution=min(4096, max(256, side)), batch_size=min(1024, settings.batch_size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The pictures that a page asks for; a field that is empty lets all pictures through."""

    terms: tuple[str, ...] = ()  # tags or words that the caption must have
    without: tuple[str, ...] = ()  # and those that it must not have
    bucket: tuple[int, int] | None = None
    finding: int | None = None  # its number in `DatasetView.findings`
    text: str = ""  # part of the name or of the caption


@dataclass(slots=True, kw_only=True)
class DatasetView:
    """A dataset that a page shows; what takes time (terms, placements, findings) is computed once."""

    title: str
    dataset: Dataset
    buckets: Buckets | None = None
    doctor: DoctorSettings = field(default_factory=DoctorSettings)
    findings: tuple[Finding, ...] | None = None  # None: `examine` has not run yet
    has_tags: bool = False  # else the captions are sentences, and the terms are words
    _pictures_of: dict[str, list[int]] = field(default_factory=dict)  # term -> pictures, most frequent terms first
    _placements: dict[int, list[Placement]] = field(default_factory=dict)  # by picture
    _findings_of: dict[int, list[int]] = field(default_factory=dict)  # picture -> numbers of its findings
    _repeats: tuple[int, ...] = ()
    _lock: Any = field(default_factory=Lock)  # every request of a page has its own thread

    def __post_init__(self) -> None:
        self._count_terms()
        placements: dict[int, list[Placement]] = defaultdict(list)
        for entry in self.buckets.entries if self.buckets else ():
            placements[entry.picture].append(entry.placement)
        self._placements = dict(placements)

    def recaption(self, texts: Mapping[int, str]) -> None:
        """Take other captions for some pictures, as their files have changed; findings stay as they are until `examine` runs anew."""
        with self._lock:
            pictures = list(self.dataset.pictures)
            for index, text in texts.items():
                pictures[index] = replace(pictures[index], caption=text)
            self.dataset = replace(self.dataset, pictures=tuple(pictures))
            self._count_terms()

    def forget_findings(self) -> None:
        """Let `examine` look anew."""
        with self._lock:
            self.findings, self._findings_of = None, {}

    def _count_terms(self) -> None:
        texts, self._repeats = training_texts(self.dataset), self.dataset.repeats
        self.has_tags = tag_checks.mostly_tags(self.dataset, texts, tag_checks.tag_lists(self.dataset, texts))
        pictures_of: dict[str, list[int]] = defaultdict(list)
        for index, text in enumerate(texts):
            for term in self._terms_of(index, text):
                pictures_of[term].append(index)
        self._pictures_of = dict(sorted(pictures_of.items(), key=lambda item: (-len(item[1]), item[0])))

    def _terms_of(self, index: int, text: str) -> set[str]:
        if self.has_tags:
            return set(normal_tags(text, self.dataset.subsets[self.dataset.pictures[index].subset].caption_separator))
        return {word for word in words(text) if word not in STOP and (word.isascii() or len(word) > 1)}

    @property
    def kind(self) -> str:
        """What the terms are: "tags" or "words"."""
        return "tags" if self.has_tags else "words"

    def overview(self) -> dict[str, Any]:
        """Return what a page shows before any picture, ready for JSON: title, counts, buckets, warnings, findings."""
        counts = Counter(p.bucket for placements in self._placements.values() for p in placements)
        return {
            "title": self.title,
            "pictures": len(self.dataset.pictures),
            "seen": sum(self._repeats),
            "kind": self.kind,
            "terms": len(self._pictures_of),
            "buckets": [[width, height, count] for (width, height), count in sorted(counts.items())],
            "warnings": [*self.dataset.warnings, *(self.buckets.warnings if self.buckets else ())],
            "findings": self.findings_json(),
        }

    def terms(self, text: str = "", most: int = MOST_TERMS) -> dict[str, Any]:
        """Return the tags or words that contain `text`, most frequent first, each with its number of pictures; ready for JSON.

        "kind" says whether they are tags or words, "all" how many the dataset has; "total" counts those that contain `text`,
        "terms" has the first `most` of them.
        """
        wanted = normal(text) if self.has_tags else text.strip().lower()
        matches = [[term, len(pictures)] for term, pictures in self._pictures_of.items() if wanted in term]
        found = matches[: min(most, MOST_TERMS)]
        return {"kind": self.kind, "all": len(self._pictures_of), "total": len(matches), "terms": found}

    def examine(self, progress: Progress | None = None) -> None:
        """Run Dataset Doctor's checks once and keep the findings; later calls return at once.

        Args:
            progress: called with (what is being done, how many are done, of how many); an exception that it raises stops the checks.
        """
        with self._lock:
            if self.findings is not None:
                return
            findings = examine(self.dataset, self.doctor, progress=progress).findings
            findings_of: dict[int, list[int]] = defaultdict(list)
            for number, finding in enumerate(findings):
                for picture in dict.fromkeys(finding.pictures):
                    findings_of[picture].append(number)
            self._findings_of, self.findings = dict(findings_of), findings

    def findings_json(self) -> list[dict[str, Any]] | None:
        """Return the findings, ready for JSON; None if `examine` has not run yet."""
        if self.findings is None:
            return None
        return [
            {"level": f.level, "kind": f.kind, "text": f.text, "pictures": len(set(f.pictures))} for f in self.findings
        ]

    def matching(self, wanted: Filter) -> Sequence[int]:
        """Return the indices of the pictures that a filter lets through, in their order; those of a finding in its order."""
        matches: Sequence[int] = range(len(self.dataset.pictures))
        if wanted.finding is not None:
            findings = self.findings or ()
            matches = list(dict.fromkeys(findings[wanted.finding].pictures)) if wanted.finding < len(findings) else []
        for term in wanted.terms:
            having = set(self._pictures_of.get(term, ()))
            matches = [i for i in matches if i in having]
        for term in wanted.without:
            having = set(self._pictures_of.get(term, ()))
            matches = [i for i in matches if i not in having]
        if wanted.bucket:
            matches = [i for i in matches if any(p.bucket == wanted.bucket for p in self._placements.get(i, ()))]
        if text := wanted.text.strip().lower():
            pictures = self.dataset.pictures
            text = names.normal(text)
            matches = [
                i
                for i in matches
                if any(text in names.normal(t.lower()) for t in (pictures[i].name, pictures[i].caption))
            ]
        return matches

    def page(self, wanted: Filter, first: int, count: int) -> dict[str, Any]:
        """Return `count` of the pictures that a filter lets through, beginning with number `first`, ready for JSON.

        "total" counts all of them. No answer has more than MOST_PICTURES.
        """
        matches = self.matching(wanted)
        return {
            "total": len(matches),
            "pictures": [self.picture(i) for i in matches[first : first + min(count, MOST_PICTURES)]],
        }

    def picture(self, index: int) -> dict[str, Any]:
        """Return what a page shows of one picture, ready for JSON."""
        picture = self.dataset.pictures[index]
        subset = self.dataset.subsets[picture.subset]
        return {
            "index": index,
            "name": picture.name,
            "size": picture.size,
            "caption": picture.caption,
            "only_first_line": captions.only_first_line(picture.caption, subset),
            "repeats": self._repeats[index],
            "is_reg": subset.is_reg,
            "masked": picture.mask is not None,
            "controls": [{"name": control.path.name, "size": control.size} for control in picture.controls],
            "places": [
                {"bucket": p.bucket, "resized": p.resized, "crop": p.crop} for p in self._placements.get(index, ())
            ],
            "findings": self._findings_of.get(index, []),
        }
