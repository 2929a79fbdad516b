"""A line of a post -> the names of settings in it with their values, however they are joined (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import plain_values as values
from .lora_family import titled
from .plain_given import SWITCHES, TWO, Found
from .plain_names import ABOUT, GENERATION, KEYS, KIND, MODEL, MORE, PICTURES, REST, SAVE_EVERY, compact, spelled
from .plain_phrases import phrases

_BULLET = re.compile(r"^\s*(?:[-*+>•·●▪◦‣–—#・]+|\(?\d{1,2}[.)、]|[☑✅✔️🔹🔸▶►]+)\s+|^\s*[•·●▪◦‣・]\s*")
_SPLIT = re.compile(r"\s*[;；·•|｜、，]\s*|,\s+|\s+[/—–]\s+(?=[A-Za-z])|\.\s+(?=[A-Z])|\.$|。")
_SIGN = r"\s*(?:\([^()]{0,40}\)|（[^（）]{0,40}）)?\s*(?:[:：=＝]+|→|->|\s[-–—]\s|\t)\s*"
_JOINED = re.compile(_SIGN)
_WEAK = re.compile(r"(?:\s*\([^()\d]{0,30}\))?\s+(?:(?:of|is|at|was|set to|to)\s+)?|(?<=[^\x00-\x7f])")
_UNKNOWN = re.compile(
    r"([A-Za-z\u3040-\u9fff][\w\u3040-\u9fff ./&'+%-]{1,40}?)\s*(?:\([^()]{0,40}\)|（[^（）]{0,40}）)?\s*(?:[:：=＝]+|→|->|\t)\s*(?=\S)"
)
_TWO_NAMES = re.compile(r"([^:：=|]{3,50}?)\s*[:：=]\s*(.+)")
_SHORT = re.compile(r"[\w.+-]{1,30}|.*\d.*")
"""What the value of an unknown setting looks like: one word, or with a number; all else is a sentence."""
_COUNTED = re.compile(
    r"(?<![\w.])([\d.,]+k?)\s*(?:×|x)?\s*(?:training\s+|total\s+)?"
    r"(epochs?|repeats?|steps?|dim|rank|alpha|images?|pictures?|pics|cycles?|restarts?|轮|步|张|次重复|エポック|ステップ|枚)(?![a-z])",
    re.IGNORECASE,
)
_CALLED = {
    "轮": "epochs", "步": "steps", "张": "images", "次重复": "repeats", "エポック": "epochs", "ステップ": "steps", "枚": "images",
}  # fmt: skip
_NEEDS_A_SIGN = frozenset((
    "model", "base", "network", "type", "lora", "settings", "training", "parameters", "size", "time", "note", "notes",
    "data", "version", "date", "caption", "captions", "tags", "loss", "weight", "strength", "usage", "image",
    "images", "guidance", "flip", "noise", "length", "duration", "trained", "train", "bucket", "step", "res", "pics",
    "photos", "dataset", "keyword", "trigger", "activation", "checkpoint", "attention", "schedule", "precision",
    "dropout", "精度", "模型", "重复", "素材",
))  # fmt: skip
"""Spellings that are words of any text: they count only with a colon, an equals sign or the like behind them."""
_START = re.compile(r"[\s(（/,]+|(?<=[\u3040-\u9fff])(?=[\u3040-\u9fffA-Za-z])|(?<=[\w)])(?=[\u3040-\u9fff])")
_UNET_ALONE = r"\bonly (?:the )?u-?net\b|\bu-?net[ -]only\b|\bno text encoder\b|text encoder (?:is |was )?not trained"
_BOTH = r"\btrain\w* (?:both )?(?:the )?u-?net (?:and|&|\+) (?:the )?(?:text encoder|te)\b"
_PARTS = ((re.compile(_UNET_ALONE, re.IGNORECASE), "yes"), (re.compile(_BOTH, re.IGNORECASE), "no"))
"""How people say which parts are trained, and whether that is the U-Net alone."""
_SHORT_VALUE = 40
"""Characters of a line that can be the value of the name above it."""
_ABOUT_MANY = (MORE, "loss_type")
_LOSSES = ("l1", "l2", "huber", "smoothl1", "mse", "mae")
_BARE = (
    ("optimizer_type", "optimi[sz]er", values.optimizer),
    ("lr_scheduler", r"(?:lr\s+)?schedule[r]?", values.schedule),
    (KIND, "network", values.uncommon_kind),
    ("mixed_precision", r"(?:mixed\s+)?precision", values.number_format),
)
"""Settings whose values tell which one is meant, a word that can stand behind them, and what reads them."""
_TABLE_LINE = re.compile(r"^\s*\|?[\s:|-]*-{2,}[\s:|-]*\|?\s*$")


def rows(lines: list[str]) -> Iterator[str]:
    """Yield the lines, of tables and of pages that were copied as "name: value".

    A table's row has its name first, or there is a row of names above one of values; on a page a value stands below its name.
    """
    above: list[str] = []
    pairs = False
    for line in _joined(lines):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else []
        if cells and _TABLE_LINE.match(line):
            continue
        known = [compact(re.sub(r"\s*\([^()]*\)$", "", cell)) in KEYS for cell in cells]
        pairs = len(cells) >= 2 and known[0] and (not all(known) or (pairs and len(cells) == 2))
        if pairs:
            yield f"{cells[0]}: {' / '.join(cell for cell in cells[1:] if cell)}"
        elif len(cells) >= 2 and sum(known) >= 2:
            above = cells
        elif above and len(cells) == len(above):
            for name, cell in zip(above, cells, strict=True):
                yield f"{name}: {cell}"
            above = []
        else:
            above = above if cells else []
            yield line


def _joined(lines: list[str]) -> Iterator[str]:
    """Yield the lines, those that are a name alone together with the one below them, if that is a value."""
    name = ""
    for line in lines:
        plain = line.strip()
        if name and not plain:
            continue
        is_name = _is_name(plain)
        if name and not is_name and len(plain) <= _SHORT_VALUE and not re.search(r"[:：=|]", plain):
            yield f"{name}: {plain}"
            name = ""
            continue
        if name:
            yield name
        name = plain if is_name else ""
        if not is_name:
            yield line
    if name:
        yield name


def _is_name(line: str) -> bool:
    """Whether a line is the name of a setting and nothing else."""
    return KEYS.get(compact(line), MORE) not in (MORE, KIND, PICTURES, ABOUT) and not line[:1].isdigit()


def parts(line: str) -> Iterator[Found]:
    """Yield the names and values of one line, and the rest of it; of a generated picture's settings, none."""
    line = re.sub(r"\s#@.*$|\s//.*$", "", _BULLET.sub("", line).strip())
    line = re.sub(r"^[\"']([\w .-]{1,40})[\"'](?=\s*[:=])", r"\1", line)
    if "://" in line or sum(word in compact(line) for word in GENERATION) >= 2:
        return
    both = _TWO_NAMES.match(line)
    if both and KEYS.get(compact(both[1]), "") in TWO:
        yield Found(option=KEYS[compact(both[1])], shown=both[1].strip(), value=both[2])
        return
    said, line = phrases(line)
    yield from said
    inner = [match[1] or match[2] or "" for match in re.finditer(r"\(([^()]*)\)|（([^（）]*)）", line)]
    first = _UNKNOWN.match(line)
    about = first[1] if first and KEYS.get(compact(first[1]), "") in _ABOUT_MANY else ""
    for segment in (each.strip() for each in _SPLIT.split(line)):
        found = [*_of_segment(segment)] or [*_of_segment(f"{about} {segment}" if about else "")]
        yield from found
        if not found and re.search(r"\w", segment) and not (said and compact(segment) in KEYS):
            yield Found(option=REST, shown=segment, value="")
    for remark in inner:
        yield from _counted(remark)


def _of_segment(segment: str) -> Iterator[Found]:
    """Yield what a part of a line says: names with a value behind, numbers with a name behind, or a value that tells its name."""
    if not segment:
        return
    heads = [*_heads(segment)]
    before = segment[: heads[0][0]] if heads else segment
    if heads and before.strip(" ,("):
        yield from _counted(before)
    for number, (_, end, option, shown) in enumerate(heads):
        last = heads[number + 1][0] if number + 1 < len(heads) else len(segment)
        value = segment[end:last].strip().rstrip(",;.&").strip()
        value = value.rstrip(")") if value.count(")") > value.count("(") else value
        value = re.sub(r"\s+(?:or|and|&|/|或)$", "", value.rstrip("(").strip())
        if option == MORE or (option == "loss_type" and compact(value) not in _LOSSES):
            kind = values.kind(value) if compact(shown) == "network" else None
            yield from [Found(option=KIND, shown=shown, value=value)] if kind else _of_more(shown, value)
        elif value and (option or (len(value) <= 60 and _SHORT.fullmatch(value))):
            yield Found(option=option, shown=shown, value=value)
            yield from (each for each in _counted(value) if option not in (each.option, SAVE_EVERY))
    if not heads:
        yield from _counted(segment)
        yield from _bare(segment)


def _of_more(about: str, value: str) -> Iterator[Found]:
    """Yield what is said behind a name of several settings, each of which may go on from that name: "Noise: offset 0.1"."""
    yield from [*_of_segment(value)] or [*_of_segment(f"{about} {value}" if not _UNKNOWN.match(value) else "")]


def _heads(segment: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield (start, end, option, name) of each name that a value follows; an option of '' is a name that is not known."""
    position = 0
    while position < len(segment):
        found = _head_at(segment, position)
        if found:
            yield found
            position = found[1]
        position = _next_start(segment, position)


def _next_start(segment: str, position: int) -> int:
    """Return where the next word begins."""
    match = _START.search(segment, position + 1)
    return max(position + 1, match.end()) if match else len(segment)


def _head_at(segment: str, start: int) -> tuple[int, int, str, str] | None:
    if start == 0 and (match := _UNKNOWN.match(segment)):
        option = KEYS.get(compact(re.sub(r"\([^)]*\)", "", match[1])), "") or KEYS.get(compact(match[1]), "")
        if option or not _ends_in_a_name(match[1].rstrip()):
            return start, match.end(), option, match[1].strip()
    match = spelled(segment, start)
    if not match:
        return None
    name = match[0]
    option = KEYS.get(compact(name), "")
    if sign := _JOINED.match(segment, match.end()):
        return start, sign.end(), option, name
    weak = _WEAK.match(segment, match.end())
    if option and weak and name.lower().strip() not in _NEEDS_A_SIGN and _follows(option, segment[weak.end() :]):
        return start, weak.end(), option, name
    return None


def _ends_in_a_name(text: str) -> bool:
    """Whether the last words of a text are the name of a setting: what is before them is not a part of it."""
    starts = [match.start() for match in re.finditer(r"(?<=\s)\S", text)]
    return any((name := spelled(text, start)) is not None and name.end() == len(text) for start in starts)


def _follows(option: str, rest: str) -> bool:
    """Whether a value comes next: a number, or what an optimizer, a schedule or a model is called."""
    if re.match(r"[-−]?\.?\d", rest):
        return True
    first = " ".join(rest.split()[:3])
    if option == "optimizer_type":
        return values.optimizer(first) is not None
    if option == "lr_scheduler":
        return values.schedule(first) is not None
    if option == "timestep_sampling":
        return re.match(r"(?:uniform|sigmoid|logit_normal|mode|cosmap|shift|flux_shift|sigma)\b", rest) is not None
    if option == "network_args preset":
        return re.match(r"(?:full|attn|unet)[\w-]*", rest) is not None
    return (option == MODEL and bool(titled(first))) or (
        option == SAVE_EVERY and first.lower().startswith(("epoch", "step"))
    )


def _counted(text: str) -> Iterator[Found]:
    """Yield numbers with what they count behind them: "10 epochs", "8 dim"."""
    for match in _COUNTED.finditer(text):
        name = _CALLED.get(match[2], match[2])
        yield Found(option=KEYS.get(compact(name), ""), shown=match[2], value=match[1])


def _bare(segment: str) -> Iterator[Found]:
    """Yield what a value tells by itself: an optimizer, a schedule, a number format, a kind of model."""
    plain = segment.strip(" .!")
    for words, value in _PARTS:
        if words.search(plain):
            yield Found(option="network_train_unet_only", shown=plain, value=value)
            return
    option = KEYS.get(compact(plain), "")
    if option in SWITCHES:
        yield Found(option=option, shown=plain, value="yes")
        return
    if len(plain) > 40 or len(plain.split()) > 5:
        return
    for option, ending, read in _BARE:
        text = re.sub(rf"\s*{ending}$", "", plain, flags=re.IGNORECASE)
        found = read(text)
        if found and len(text.split()) <= 4 and compact(text).startswith(compact(found[0])[:4]):
            yield Found(option=option, shown=plain, value=text)
            return
    if titled(plain) and not re.search(r"\bor\b|/", plain):
        yield Found(option=MODEL, shown=plain, value=plain)
