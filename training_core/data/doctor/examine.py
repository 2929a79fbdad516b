"""Examine a dataset: all checks, and what the report shows beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...errors import AthanorError
from ...settings import DoctorSettings
from ..dataset import Dataset, several
from ..plan import Buckets
from . import alike, captions, layout, pixels, tags
from .finding import LEVELS, Finding, Level
from .measure import measure_all
from .texts import texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All that was found, the worst first."""

    dataset: Dataset
    findings: tuple[Finding, ...]
    has_tags: bool  # else the captions are sentences, and `frequent` are words
    frequent: tuple[tuple[str, int], ...]  # tag or word, number of captions
    captioned: int  # captions that are not empty
    groups: tuple[layout.Group, ...]
    buckets: Buckets

    def of_level(self, level: Level) -> list[Finding]:
        """The findings of one level."""
        return [finding for finding in self.findings if finding.level == level]

    @property
    def title(self) -> str:
        """Return what was examined: pictures, pictures per epoch, captions."""
        pictures = self.dataset.pictures
        seen = sum(self.dataset.repeats)
        return f"{several(len(pictures), 'picture')}, {seen} per epoch, {several(self.captioned, 'caption')}"

    @property
    def verdict(self) -> str:
        """One line: how many errors, warnings and hints."""
        if not self.findings:
            return "Nothing found: no errors, no warnings, no hints."
        numbers = [several(len(found), level) for level in LEVELS if (found := self.of_level(level))]
        return (
            ("No errors or warnings, " if len(numbers) == 1 and self.of_level("hint") else "")
            + ", ".join(numbers)
            + "."
        )

    @property
    def text(self) -> str:
        """The report in words."""
        lines = [f"{finding.level.upper()}  {finding.text}" for finding in self.findings]
        return "\n".join([self.title, self.verdict, *([""] if lines else []), *lines])

    def raise_errors(self) -> None:
        """Stop if there are errors.

        Raises:
            AthanorError: the sentences of all findings of level error.
        """
        if errors := self.of_level("error"):
            raise AthanorError(" ".join(finding.text for finding in errors))


def examine(
    dataset: Dataset,
    settings: DoctorSettings,
    count: captions.Count | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Diagnosis:
    """Run every check.

    Args:
        count: CLIP tokens of a text; None: they are estimated.
        progress: called with (done, total) while pictures are measured; what it raises ends it.
    """
    written = texts(dataset)
    lists = tags.tag_lists(dataset, written)
    has_tags = tags.prevail(dataset, written, lists)
    groups = layout.groups_of(dataset)
    buckets = layout.sort(dataset, settings.resolution, settings.batch_size)
    measures = measure_all(dataset, progress)
    findings = [
        *pixels.check(dataset, measures, settings.resolution),
        *alike.check(dataset, measures, settings.near_duplicates),
        *captions.check(dataset, written, settings.trigger, count),
        *tags.check(dataset, lists, settings.trigger, has_tags),
        *layout.check(dataset, groups, buckets),
        *captions.of_scan(dataset),
    ]
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    return Diagnosis(
        dataset=dataset,
        findings=tuple(findings),
        has_tags=has_tags,
        frequent=tuple(tags.most_frequent(lists, written, has_tags)),
        captioned=sum(map(bool, written)),
        groups=tuple(groups),
        buckets=buckets,
    )
