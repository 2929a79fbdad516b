"""Run all checks of Dataset Doctor on a dataset, and gather what its report shows besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ...errors import AthanorError
from ...settings import DoctorSettings
from ...wording import plural
from ..dataset import Dataset
from ..plan import Buckets
from . import alike, caption_checks, layout, pairs, pixels, tag_checks
from .finding import LEVELS, Finding, Level
from .measure import measure_all
from .texts import training_texts

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many are done, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The result of Dataset Doctor: all findings, the worst first, and the numbers that the report shows."""

    dataset: Dataset
    findings: tuple[Finding, ...]
    has_tags: bool  # else the captions are sentences, and `frequent` are words
    frequent: tuple[tuple[str, int], ...]  # tag or word, number of captions
    captioned: int  # captions that are not empty
    groups: tuple[layout.Group, ...]
    buckets: Buckets

    def of_level(self, level: Level) -> list[Finding]:
        """Return the findings of one level: error, warning or hint."""
        return [finding for finding in self.findings if finding.level == level]

    @property
    def title(self) -> str:
        """Return the numbers of pictures, of pictures per epoch and of captions as words."""
        pictures = self.dataset.pictures
        seen = sum(self.dataset.repeats)
        return f"{plural(len(pictures), 'picture')}, {seen} per epoch, {plural(self.captioned, 'caption')}"

    @property
    def verdict(self) -> str:
        """Return one line that says how many errors, warnings and hints there are."""
        if not self.findings:
            return "Nothing found: no errors, no warnings, no hints."
        numbers = [plural(len(findings), level) for level in LEVELS if (findings := self.of_level(level))]
        return (
            ("No errors or warnings, " if len(numbers) == 1 and self.of_level("hint") else "")
            + ", ".join(numbers)
            + "."
        )

    @property
    def text(self) -> str:
        """Return the report as text: title, verdict, and a line for each finding."""
        lines = [f"{finding.level.upper()}  {finding.text}" for finding in self.findings]
        return "\n".join([self.title, self.verdict, *([""] if lines else []), *lines])

    def raise_errors(self) -> None:
        """Raise if there are findings of level error.

        Raises:
            AthanorError: with the sentences of all these findings.
        """
        if errors := self.of_level("error"):
            raise AthanorError(" ".join(finding.text for finding in errors))


def examine(
    dataset: Dataset,
    settings: DoctorSettings,
    count: caption_checks.Count | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Run every check on a dataset, and sort the findings by level.

    Args:
        count: counts the CLIP tokens of a text; None: they are estimated.
        progress: called often with (what is being done, how many are done, of how many); an exception that it raises stops
            the checks.
    """
    texts = training_texts(dataset)
    lists = tag_checks.tag_lists(dataset, texts)
    has_tags = tag_checks.mostly_tags(dataset, texts, lists)
    groups = layout.groups_of(dataset)
    buckets = layout.buckets_at(dataset, settings.resolution, settings.batch_size)

    def stage(what: str) -> Callable[[int, int], None] | None:
        return partial(progress, what) if progress else None

    measures = measure_all(dataset, stage("measuring pictures"))
    controls = pairs.measure_controls(dataset, stage("measuring control pictures"))
    findings = [
        *pixels.check(dataset, measures, settings.resolution),
        *pairs.check(dataset, texts, measures, controls),
        *alike.check(dataset, measures, settings.near_duplicates, stage("comparing pictures"), controls),
        *caption_checks.check(dataset, texts, settings.trigger, count),
        *tag_checks.check(dataset, lists, settings.trigger, has_tags, stage("checking tags")),
        *layout.check(dataset, groups, buckets),
        *caption_checks.scan_warnings(dataset),
    ]
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    return Diagnosis(
        dataset=dataset,
        findings=tuple(findings),
        has_tags=has_tags,
        frequent=tuple(tag_checks.most_frequent(lists, texts, has_tags)),
        captioned=sum(map(bool, texts)),
        groups=tuple(groups),
        buckets=buckets,
    )
