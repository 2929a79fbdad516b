"""What a tagger or captioner has answered, made a caption: its words alone, in lines that a caption file can hold."""

from __future__ import annotations

import re

from ..text_files import lines, whole_characters

_THOUGHT, _THOUGHT_ENDS = "<think>", "</think>"
_ENDS = re.compile(r"<\|(?:endoftext|end_of_text|im_end|eot_id|eom_id|end)\|>|</s>|<eos>|<end_of_turn>")
"""Marks at which a language model has ended; what it says behind them is no answer any more."""
_MARKS = re.compile(r"<\|[^<>|\s]{1,40}\|>|<s>|<bos>|<pad>|<unk>|<start_of_turn>")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
"""All that is no character of a text but the ends of lines and tabs; and U+FEFF, which at the begin of a file is none either."""


def caption(answer: str, in_lines: bool = False) -> str:
    """Return the caption in an answer: '' if there is none.

    Taken away are a language model's thoughts (also those that it did not come to the end of), marks such as <|im_end|>,
    control characters, halves of characters, empty lines, and spaces around lines or beside others.

    Args:
        in_lines: lines stay lines; otherwise they become one, for only the first would be trained.
    """
    text = whole_characters(answer).rpartition(_THOUGHT_ENDS)[2].partition(_THOUGHT)[0]
    text = next((part for part in _ENDS.split(text) if part.strip()), "")
    text = _CONTROL.sub(" ", _MARKS.sub(" ", text))
    found = [re.sub(r"[ \t]+", " ", line).strip() for line in lines(text)]
    return ("\n" if in_lines else " ").join(line for line in found if line)
