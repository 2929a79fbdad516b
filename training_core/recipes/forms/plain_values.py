"""Values as people write them in posts, without units and remarks: numbers, sizes, optimizers, schedules (pure)."""

from __future__ import annotations

import re
from typing import get_args

from ...settings.optimizer import OptimizerName, OptimizerSettings

_NUMBER = re.compile(
    r"(?<![\w.])([-−]?(?:\d[\d_,]*)?\.?\d+)(?:\s*(?:[eE]|[×xX*]\s*10\s*(?:\^|(?=[-−])))\s*([-−–+]?\s*\d{1,2}))?\s*([kK](?![a-zA-Z])|[%％])?"
)
_MORE = re.compile(r"\s*(?:-|–|—|~|〜|～|to|or|或|至|または|/)\s*[\d.]", re.IGNORECASE)
_PERCENT = re.compile(r"\s*[-–~]\s*[\d.]+\s*[%％]")
_SIZE = re.compile(r"(?<!\d)(\d{3,4})(?:\s*(?:px|p)?\s*[x×X*,]\s*(\d{3,4}))?(?!\d)")
_ON = frozenset(
    [
        "yes",
        "y",
        "on",
        "true",
        "enabled",
        "enable",
        "✓",
        "✔",
        "✅",
        "是",
        "开",
        "开启",
        "有",
        "启用",
        "オン",
        "あり",
        "1",
    ]
)
_OFF = frozenset(
    [
        "no",
        "n",
        "off",
        "false",
        "disabled",
        "disable",
        "none",
        "✗",
        "❌",
        "×",
        "否",
        "关",
        "关闭",
        "无",
        "オフ",
        "なし",
        "0",
    ]
)


def number(value: str) -> tuple[str, bool] | None:
    """Return the first number of a text as Python writes it, with % if it has one, and whether it is one of several; None without one."""
    match = _NUMBER.search(value)
    if not match:
        return None
    digits = match[1].replace("−", "-").replace("_", "")
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+", digits):
        digits = digits.replace(",", "")
    elif digits.count(",") == 1 and "." not in digits:
        digits = digits.replace(",", ".")
    elif "," in digits:
        digits = digits.split(",")[0]
    exponent = re.sub(r"[\s+]", "", match[2] or "").replace("−", "-").replace("–", "-")
    found = f"{digits}e{exponent}" if exponent else digits
    if match[3] and match[3] in "kK":
        found = f"{float(found) * 1000:g}"
    rest = value[match.end() :]
    percent = (match[3] or "") in ("%", "％") or _PERCENT.match(rest) is not None
    return f"{found}{'%' * percent}", _MORE.match(rest) is not None


def size(value: str) -> tuple[str, bool] | None:
    """Return the first resolution of a text, "1024,768", and whether there are more."""
    match = _SIZE.search(value)
    if not match:
        return None
    more = _SIZE.search(value, match.end()) is not None
    return f"{match[1]},{match[2] or match[1]}", more


def switch(value: str) -> bool | None:
    """Return a switch as people write it; None for another text."""
    words = re.findall(r"[^\s,.;()（）]+", value.lower())
    if not words:
        return None
    return True if words[0] in _ON else False if words[0] in _OFF else None


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


_OPTIMIZERS = {_plain(name): name for name in get_args(OptimizerName)} | {
    "adam8bit": "AdamW8bit", "adamw8": "AdamW8bit", "8bitadamw": "AdamW8bit", "dadapt": "DAdaptation", "dadaptadamw": "DAdaptAdam",
    "prodigyoptimizer": "Prodigy", "adafactoroptimizer": "Adafactor", "schedulefree": "AdamWScheduleFree",
}  # fmt: skip
_SCHEDULES = {_plain(name): name for name in get_args(OptimizerSettings.model_fields["lr_scheduler"].annotation)} | {
    **dict.fromkeys(
        ("cosinerestarts", "cosinewithrestart", "cosinewithhardrestarts", "cosineannealingwithrestarts", "cosineannealingwarmrestarts"),
        "cosine_with_restarts",
    ),
    **dict.fromkeys(("cosineannealing", "cosinewithwarmup", "cosinedecay", "余弦"), "cosine"),
    "constantwithwarmups": "constant_with_warmup", "constantwarmup": "constant_with_warmup", "lineardecay": "linear",
    "rexannealing": "rex", "恒定": "constant",
}  # fmt: skip
KINDS = {
    "lora": "lora", "standard": "lora", "lierla": "lora", "locon": "locon", "c3lier": "locon", "lycoris": "locon", "lycorislocon": "locon",
    "loha": "loha", "lycorisloha": "loha", "lokr": "lokr", "lycorislokr": "lokr", "glora": "glora", "ia3": "ia3", "dylora": "dylora",
    "boft": "boft", "diagoft": "diag-oft", "oft": "diag-oft", "full": "full", "finetune": "finetune", "fullfinetune": "finetune",
}  # fmt: skip
"""Kinds of networks as people call them -> algo."""
_PRECISIONS = {
    "bf16": "bf16", "bfloat16": "bf16", "fp16": "fp16", "float16": "fp16", "fp32": "no", "float32": "no", "float": "no", "no": "no",
}  # fmt: skip


def optimizer(value: str) -> tuple[str, bool] | None:
    """Return the first optimizer that a text names, and whether it names another after it."""
    return _first(value, _OPTIMIZERS)


def schedule(value: str) -> tuple[str, bool] | None:
    """Return the first schedule that a text names, also one such as "Cosine with 3 restarts"."""
    return _first(re.sub(r"\d+\s+(?=restarts?|cycles?)", "", value.lower()), _SCHEDULES)


def kind(value: str) -> tuple[str, bool] | None:
    """Return the kind of network that a text names."""
    whole = re.search(r"whole model|fine-?tun", value, re.IGNORECASE)
    return ("finetune", False) if whole else _first(value, KINDS)


def uncommon_kind(value: str) -> tuple[str, bool] | None:
    """Return the kind of network that a text is, if it is one that says more than LoRA."""
    found = KINDS.get(_plain(value), "")
    return (found, False) if found in ("locon", "loha", "lokr", "glora", "ia3", "dylora", "boft", "diag-oft") else None


def precision(value: str) -> tuple[str, bool] | None:
    """Return the number format that a text names."""
    return _first(value, _PRECISIONS)


def number_format(value: str) -> tuple[str, bool] | None:
    """Return the number format that a text is, and nothing else."""
    return (_PRECISIONS[_plain(value)], False) if _plain(value) in _PRECISIONS and _plain(value) != "no" else None


def _first(value: str, names: dict[str, str]) -> tuple[str, bool] | None:
    """Return what the first words of a text that are a name stand for, and whether other names follow."""
    found: list[str] = []
    for part in re.split(r"[/,;|()（）、，]|\s+(?:or|und|and|或)\s+", value):
        words = part.split()
        for start in range(len(words)):
            for end in range(min(len(words), start + 5), start, -1):
                name = _plain("".join(words[start:end])) or "".join(words[start:end])
                if name in names:
                    found.append(names[name])
                    break
            else:
                continue
            break
    return (found[0], len(set(found)) > 1) if found else None
