"""Phrases in posts that say several settings at once, or one in words: "buckets 256 to 1024", "1e-4 (U-Net)", "keep 1 token" (pure)."""

from __future__ import annotations

import re

from .plain_given import Found

_RATE = r"(?<![\w.])((?:\d+(?:\.\d+)?|\.\d+)(?:e[-−]?\d+)?)"
_PHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), options)
    for pattern, options in (
        (r"\bbuckets?\s*:?\s*(\d{2,5})\s*(?:to|-|–|~)\s*(\d{2,5})\b", ("min_bucket_reso", "max_bucket_reso")),
        (
            r"(?<![\w.])(\d+)\s*[x×]\s*(\d+)\s*\((?:gradient\s+)?accum\w*(?:\s+steps?)?\)",
            ("train_batch_size", "gradient_accumulation_steps"),
        ),
        (rf"{_RATE}\s*\((?:for\s+)?(?:the\s+)?(?:u-?net|dit|transformer)\)", ("unet_lr",)),
        (rf"{_RATE}\s*\((?:for\s+)?(?:the\s+)?(?:te|text encoders?|clip)\)", ("text_encoder_lr",)),
        (r"\bkeep\s+(\d+)\s+tokens?\b", ("keep_tokens",)),
        (r"\bweights\s+in\s+fp16\b()", ("full_fp16",)),
        (r"\bweights\s+in\s+bf16\b()", ("full_bf16",)),
    )
)  # fmt: skip
_OF_BUCKETS = (
    (re.compile(r"\bsteps?\s+(\d{1,3})\b", re.IGNORECASE), ("bucket_reso_steps",)),
    (re.compile(r"\bnever\s+enlarged\b()|\bno\s+upscal\w+\b()", re.IGNORECASE), ("bucket_no_upscale",)),
)
"""The same in lines about buckets alone: steps are those of the training elsewhere."""


def phrases(line: str) -> tuple[list[Found], str]:
    """Return what the phrases in a line say, and the line without them."""
    found = []
    for pattern, options in (*_PHRASES, *(_OF_BUCKETS if "bucket" in line.lower() else ())):
        match = pattern.search(line)
        if match:
            said = [part or "yes" for part in match.groups()][: len(options)]
            found += [
                Found(option=name, shown=match[0], value=value) for name, value in zip(options, said, strict=True)
            ]
            line = f"{line[: match.start()]} {line[match.end() :]}"
    return found, line
