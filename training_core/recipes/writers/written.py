"""What a recipe is written as: files with texts, and what they could not say."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of an export."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An export: its files, the main one first."""

    files: tuple[File, ...]
    left_out: tuple[str, ...] = field(default_factory=tuple)
    """A sentence for each thing that the form has no words for."""
