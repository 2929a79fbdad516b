"""Edit the captions of a dataset by the rules of Caption Edit, and report what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..errors import AthanorError, quoted
from ..settings import CaptionEditSettings
from .dataset import Dataset, Picture
from .tag_rules import Replace, parse_list, parse_merge, parse_replace, pattern
from .tags import Separators, count, escaped, join, key, members, nearest, parse, plain, spaced, split, table, tags_of

_MOST_SHOWN = 20  # changed captions in the report, and unused rules that get a suggestion
_MOST_TAGS = 5000  # in one caption: only rules that bring back their own tags get there


@dataclass(frozen=True, slots=True)
class Edited:
    """A dataset with its captions edited, and what to tell the user about it."""

    dataset: Dataset
    changed: tuple[Picture, ...]  # those with another caption than before, as they are now
    report: str  # how many changed, hints, the first changes
    tag_table: str  # of the captions as they are now


class CaptionEditor:
    """Applies the rules of Caption Edit to captions; `hit` collects the rules that matched, as (field, rule as text).

    Raises:
        AthanorError: a rule cannot be read; names the field and the line.
    """

    def __init__(self, settings: CaptionEditSettings) -> None:
        self._settings = settings
        self._replace = [(rule, pattern(rule.old)) for rule in parse_replace(settings.replace)]
        self._merge = [(rule, [key(tag) for tag in rule.tags]) for rule in parse_merge(settings.merge)]
        self._remove = [(tag, pattern(tag, "*?")) for tag in parse_list(settings.remove, "remove")]
        self._front = {key(tag): tag for tag in parse_list(settings.front, "front")}
        self._trigger = " ".join(settings.trigger.split())
        self._protected = {plain(word) for word in self._trigger.replace(",", " ").split() if "_" in word}
        self._replaced: dict[str, Replace | None] = {}  # key -> the rule for it; captions share most tags
        self._removed: dict[str, bool] = {}
        self.hit: set[tuple[str, str]] = set()

    @property
    def rules(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return (field, rule as text, tags that it looks for) of every rule that names tags."""
        result = [("replace", str(rule), (rule.old,)) for rule, _ in self._replace]
        result += [("merge", str(rule), rule.tags) for rule, _ in self._merge]
        result += [("remove", tag, (tag,)) for tag, _ in self._remove]
        return result + [("front", tag, (tag,)) for tag in self._front.values()]

    def edit(self, caption: str, separators: Separators, trigger: bool = True) -> str:
        """Return the edited caption; each line is edited by itself, and one that no rule changes stays byte for byte.

        Editing the result again changes nothing.

        Args:
            trigger: whether this caption gets the trigger.

        Raises:
            AthanorError: rules undo each other endlessly, or the trigger contains the keep_tokens_separator.
        """
        if separators.keep and separators.keep in self._trigger:
            raise AthanorError(
                f"trigger: it contains the keep_tokens_separator {quoted(separators.keep)}; remove that."
            )
        tags = split(self._trigger, separators.tag) if trigger else []
        if not caption.strip():
            return self._settled(caption, separators, tags)
        before = caption.split("\n")
        after = [self._settled(line, separators, tags) if line.strip() else line for line in before]
        # With enable_wildcard each line is a variant of the caption: a line that became empty is not one any more.
        return "\n".join(new for old, new in zip(before, after, strict=True) if new or not old)

    def _settled(self, line: str, separators: Separators, trigger: list[str]) -> str:
        """Apply all rules again and again until nothing changes, so that the order of the rules' lines does not matter."""
        text = line
        # A chain of rules (a -> b, b -> c) settles one link per pass; 4 more passes are for the other edits.
        for _ in range(len(self._replace) + len(self._merge) + 4):
            new = self._pass(text, separators, trigger)
            if new == text:
                return text
            if new.count(separators.tag or " ") > _MOST_TAGS:
                break
            text = new
        raise AthanorError(
            f"replace, merge: the rules undo each other endlessly on {quoted(line.strip())}; remove the rule that brings back "
            "what another one removes."
        )

    def _pass(self, line: str, separators: Separators, trigger: list[str]) -> str:
        settings, parts = self._settings, parse(line, separators)
        before = [list(part.tags) for part in parts]
        head = before[0][: len(trigger)]
        if [key(tag) for tag in head] == [key(tag) for tag in trigger]:  # no rule applies to the trigger
            parts[0].tags = before[0][len(trigger) :]
        for part in parts:
            if settings.underscores:
                part.tags = self._each(part.tags, separators, lambda tag: [spaced(tag, self._protected)])
            if self._replace:
                present = {key(tag) for tag in part.tags}
                part.tags = self._each(part.tags, separators, lambda tag, p=present: self._new(tag, p, separators))
            if self._merge:
                part.tags = self._merged(part.tags, separators)
            if self._remove:
                part.tags = self._each(part.tags, separators, lambda tag: [] if self._is_removed(tag) else [tag])
        if settings.dedupe:
            seen: set[str] = set()
            for part in parts:
                part.tags = [tag for tag in part.tags if not (key(tag) in seen or seen.add(key(tag)))]
        if self._front:
            for part in parts:
                part.tags = self._fronted(part.tags)
        if trigger:
            _put_in_front(trigger, [part.tags for part in parts])
        if settings.escape:
            for part in parts:
                part.tags = self._each(part.tags, separators, lambda tag: [escaped(tag)])
        return line if [part.tags for part in parts] == before else join(parts, separators)

    @staticmethod
    def _each(tags: list[str], separators: Separators, edit: Callable[[str], list[str]]) -> list[str]:
        """Return `edit` of every tag, joined. Tags of a group (secondary separator) are edited one by one and stay a group."""
        result = []
        for tag in tags:
            group = members(tag, separators)
            if len(group) < 2:
                result += [new for new in edit(tag) if new]
                continue
            edited = [new for member in group for new in edit(member) if new]
            if edited:
                result.append(tag if edited == group else separators.secondary.join(edited))
        return result

    def _new(self, tag: str, present: set[str], separators: Separators) -> list[str]:
        """Return what the first matching replace rule makes of a tag. A rule that keeps its tag (a -> a, b) adds only what is missing."""
        tag_key = key(tag)
        if tag_key not in self._replaced:
            self._replaced[tag_key] = next((rule for rule, match in self._replace if match.fullmatch(tag_key)), None)
        if (rule := self._replaced[tag_key]) is None:
            return [tag]
        self.hit.add(("replace", str(rule)))
        new = split(rule.new, separators.tag)
        if tag_key in map(key, new):
            return [t for t in new if key(t) == tag_key or key(t) not in present]
        return new

    def _merged(self, tags: list[str], separators: Separators) -> list[str]:
        for rule, wanted in self._merge:
            keys = [key(tag) for tag in tags]
            if not set(wanted) <= set(keys):
                continue
            self.hit.add(("merge", str(rule)))
            place = min(keys.index(k) for k in wanted)
            rest = [(i, tag) for i, (tag, k) in enumerate(zip(tags, keys, strict=True)) if k not in wanted]
            first = [tag for i, tag in rest if i < place]
            tags = first + split(rule.phrase, separators.tag) + [tag for i, tag in rest if i > place]
        return tags

    def _is_removed(self, tag: str) -> bool:
        tag_key = key(tag)
        if tag_key not in self._removed:
            rules = [text for text, match in self._remove if match.fullmatch(tag_key)]
            self.hit |= {("remove", text) for text in rules}
            self._removed[tag_key] = bool(rules)
        return self._removed[tag_key]

    def _fronted(self, tags: list[str]) -> list[str]:
        keys = [key(tag) for tag in tags]
        self.hit |= {("front", self._front[k]) for k in keys if k in self._front}
        order = {k: i for i, k in enumerate(self._front)}
        return [tag for _, tag in sorted(zip(keys, tags, strict=True), key=lambda pair: order.get(pair[0], len(order)))]


def _put_in_front(trigger: list[str], parts: list[list[str]]) -> None:
    """Put the trigger's tags first and remove them elsewhere, in place; a sentence that begins with them is left alone."""
    keys = [key(tag) for tag in trigger]
    head = [key(tag) for tag in parts[0][: len(trigger)]]
    if head != keys and head[:-1] == keys[:-1] and len(head) == len(keys) and _begins(head[-1], keys[-1]):
        return
    for tags in parts:
        tags[:] = [tag for tag in tags if key(tag) not in keys]
    parts[0][:0] = trigger


def _begins(text: str, word: str) -> bool:
    """Whether a text begins with a whole word; East Asian scripts (from U+2E80) write no space after a word."""
    after = text[len(word) : len(word) + 1]
    return text.startswith(word) and (not (after.isalnum() or after in "-_") or ord(after) >= 0x2E80)


def edit_dataset(dataset: Dataset, settings: CaptionEditSettings) -> Edited:
    """Return the dataset with all captions edited (the same object if none changes), and a report.

    Raises:
        AthanorError: a rule cannot be read, or rules undo each other endlessly.
    """
    editor = CaptionEditor(settings)
    pictures, changed, diff = [], [], []
    for picture in dataset.pictures:
        subset = dataset.subsets[picture.subset]
        caption = editor.edit(picture.caption, Separators.of(subset), trigger=not subset.is_reg)
        if caption != picture.caption:
            if len(changed) < _MOST_SHOWN:
                diff += [f"{picture.name}:", *_lines("-", picture.caption), *_lines("+", caption)]
            picture = replace(picture, caption=caption)
            changed.append(picture)
        pictures.append(picture)
    counter = _count(dataset)
    reason = "" if changed else " (no rule matches, or the captions are already edited)"
    lines = [f"{len(changed)} of {len(pictures)} captions changed{reason}.", *_hints(editor, counter)]
    reg = sum(dataset.subsets[p.subset].is_reg for p in pictures)
    if settings.trigger.strip() and reg:
        lines.append(f"{reg} regularization pictures do not get the trigger.")
    if len(changed) > _MOST_SHOWN:
        diff.append(f"... and {len(changed) - _MOST_SHOWN} more")
    result = replace(dataset, pictures=tuple(pictures)) if changed else dataset
    tag_table = table(_count(result) if changed else counter, len(pictures))
    return Edited(result, tuple(changed), "\n".join(lines + diff), tag_table)


def _lines(sign: str, caption: str) -> list[str]:
    return [f"  {sign} {line}".rstrip() for line in caption.split("\n")]


def _count(dataset: Dataset) -> Counter[str]:
    separators = [Separators.of(subset) for subset in dataset.subsets]
    return count(tags_of(p.caption, separators[p.subset]) for p in dataset.pictures)


def _hints(editor: CaptionEditor, counter: Counter[str]) -> Iterator[str]:
    """Yield a line for each rule that matched nothing; the first 20 with the most similar tag, which was perhaps meant."""
    known = {key(tag) for tag in counter}
    unused = [rule for rule in editor.rules if (rule[0], rule[1]) not in editor.hit]
    for number, (field, text, tags) in enumerate(unused):
        missing = next((tag for tag in tags if key(tag) not in known), None)
        near = nearest(missing, counter) if missing and number < _MOST_SHOWN else None
        yield f"{field}: {quoted(text)} matched nothing{f'; the nearest tag is {quoted(near)}' if near else ''}."
