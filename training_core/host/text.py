"""Captions through the graph's own CLIP, so that a caption means in training what a prompt means later."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from ..errors import AthanorError

CLIP_CHUNK = 77
"""CLIP encoders read chunks of so many tokens: 75 of text between a start and an end."""
_START, _END = 49406, 49407
"""CLIP's tokens around the text of a chunk."""


@dataclass(frozen=True, slots=True)
class Text:
    """One encoded caption, as a text encoder of ComfyUI gives it."""

    cond: torch.Tensor  # (1, tokens, width)
    extras: dict[str, Any] = field(default_factory=dict)  # pooled_output and whatever else the encoder gives

    def parts(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return tensors, and plain values that can be written as JSON; lists of tensors are numbered."""
        tensors, plain = {"cond": self.cond}, {}
        for name, value in self.extras.items():
            if isinstance(value, torch.Tensor):
                tensors[f"extra.{name}"] = value
            elif isinstance(value, (list, tuple)) and all(isinstance(v, torch.Tensor) for v in value):
                tensors |= {f"extra.{name}.{i}": v for i, v in enumerate(value)}
                plain[name] = {"tensors": len(value)}
            else:
                plain[name] = value
        return tensors, plain

    @classmethod
    def of(cls, tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> Text:
        """Make a Text of what `parts` gave."""
        extras: dict[str, Any] = {}
        for name, value in plain.items():
            many = isinstance(value, dict) and "tensors" in value
            extras[name] = [tensors[f"extra.{name}.{i}"] for i in range(value["tensors"])] if many else value
        for name, value in tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "extra" and rest.rpartition(".")[0] not in extras:
                extras[rest] = value
        return cls(tensors["cond"], extras)


def escape(caption: str) -> str:
    """Make brackets literal: `(` and `)` would be read as emphasis. Those already escaped stay."""
    return re.sub(r"(?<!\\)([()])", r"\\\1", caption)


def literal(clip: Any, caption: str) -> str:
    """Return a caption as a CLIP must be given it for its brackets to be read as brackets.

    Most tokenizers would read emphasis; Lens' reads every sign as it stands, a backslash before a bracket too.
    """
    if not re.search(r"[()]", caption):  # most captions: nothing is asked of the tokenizer, which takes a millisecond
        return caption
    # In quotation marks, as HunyuanImage's ByT5, which knows emphasis, reads nothing else.
    read = [chunk for chunks in clip.tokenize('"(a)"').values() for chunk in chunks]
    if any(entry[1] != 1.0 for chunk in read for entry in chunk):
        return escape(caption)
    return re.sub(r"\\([()])", r"\1", caption)


def encoders(clip: Any) -> list[str]:
    """Return the text encoders of a CLIP that a sample can go without, where it has several: clip_l, clip_g, t5xxl."""
    names = [name for name in ("clip_l", "clip_g", "t5xxl") if getattr(clip.cond_stage_model, name, None) is not None]
    return names if len(names) > 1 else []


def trainable(model: Any, numbered: bool) -> dict[str, torch.nn.Module]:
    """Return the text encoders that can get a network, by the prefix of their keys in LoRA files.

    Args:
        model: a CLIP object's cond_stage_model.
        numbered: the family's files count its encoders: lora_te1 (CLIP-L), lora_te2 (CLIP-G), lora_te3 (T5); SD1, SD2 and
            SDXL's refiner, whose only one is CLIP-G, have lora_te; T5 without any CLIP is lora_te1.

    Raises:
        AthanorError: the CLIP has none.
    """
    prefixes = {"clip_l": "lora_te1", "clip_g": "lora_te2", "t5xxl": "lora_te3"}
    if not numbered:
        prefixes = {"clip_l": "lora_te", "clip_h": "lora_te"}
    elif getattr(model, "clip_l", None) is None:  # as the host's loader counts without CLIP-L
        alone = getattr(model, "clip_g", None) is None  # T5 of Chroma and PixArt
        prefixes = {"clip_g": "lora_te", "t5xxl": "lora_te1" if alone else "lora_te2"}
    there = ((prefix, getattr(model, name, None)) for name, prefix in prefixes.items())
    encoder_modules = {prefix: encoder.transformer for prefix, encoder in there if encoder is not None}
    if not encoder_modules:
        raise AthanorError(
            f"train: the text encoder {type(model).__name__} cannot be trained, only CLIP and T5-XXL can; choose unet."
        )
    return encoder_modules


def tokenize(clip: Any, caption: str, weighted: bool = False, max_tokens: int = 0) -> tuple[dict[str, Any], bool]:
    """Return a caption's tokens for each text encoder, and whether it was cut.

    Args:
        weighted: brackets are emphasis.
        max_tokens: what a CLIP encoder reads at most, in chunks of 75 as the host cuts them; 0: everything.
    """
    tokens, cut = clip.tokenize(caption if weighted else literal(clip, caption)), False
    for name, chunks in tokens.items() if max_tokens else ():
        if isinstance(chunks, list) and all(isinstance(c, list) and len(c) == CLIP_CHUNK for c in chunks):
            cut |= len(chunks) > max_tokens // 75
            tokens[name] = chunks[: max_tokens // 75]
    return tokens, cut


def encode(
    clip: Any, caption: str, weighted: bool = False, max_tokens: int = 0, without: Sequence[str] = ()
) -> tuple[Text, bool]:
    """Encode one caption with a CLIP object of the graph, as the host's own text node does.

    Args:
        weighted, max_tokens: see `tokenize`.
        without: encoders whose part is zeros.

    Returns:
        the encoding, and whether the caption was cut.
    """
    tokens, cut = tokenize(clip, caption, weighted, max_tokens)
    with torch.inference_mode(), silenced(clip.cond_stage_model, without):
        cond, extras = clip.encode_from_tokens_scheduled(tokens, show_pbar=False)[0]
    return Text(outside_inference(cond), {k: outside_inference(v) for k, v in extras.items()}), cut


@contextmanager
def silenced(model: Any, names: Sequence[str]) -> Iterator[None]:
    """Let some of a model's text encoders answer with zeros."""
    silent = [encoder for name in names if (encoder := getattr(model, name, None)) is not None]

    def zeros(encode_token_weights: Any) -> Any:
        def answer(*args: Any, **kwargs: Any) -> Any:
            out, pooled, *rest = encode_token_weights(*args, **kwargs)
            return (torch.zeros_like(out), pooled if pooled is None else torch.zeros_like(pooled), *rest)

        return answer

    try:
        for encoder in silent:
            encoder.encode_token_weights = zeros(encoder.encode_token_weights)
        yield
    finally:
        for encoder in silent:
            encoder.__dict__.pop("encode_token_weights", None)


def outside_inference(value: Any) -> Any:
    """Return copies made outside inference mode, which backward can save, of torch's own class (GGUF's `clone` makes none)."""
    if isinstance(value, torch.Tensor):
        return value.as_subclass(torch.Tensor).clone()
    return [outside_inference(v) for v in value] if isinstance(value, (list, tuple)) else value


def count_tokens(clip: Any, caption: str, weighted: bool = False) -> int | None:
    """Return the CLIP tokens of a caption without start, end and padding; None if `clip` has no CLIP encoder (T5 only).

    Only the last of several chunks of 75 is counted, those before it are full: a word that does not fit into the
    rest of a chunk moves to the next, and max_token_length cuts between chunks.

    Args:
        weighted: brackets are emphasis, as in prompts.
    """
    longest = None
    for chunks in clip.tokenize(caption if weighted else literal(clip, caption)).values():
        if chunks and chunks[0] and _is(chunks[0][0][0], _START):
            last = chunks[-1][1:]
            end = next((n for n, entry in enumerate(last) if _is(entry[0], _END)), len(last))
            longest = max(longest or 0, (len(chunks) - 1) * (CLIP_CHUNK - 2) + end)
    return longest


def _is(token: Any, number: int) -> bool:
    """Return whether a token is this number; embeddings stand as tensors among the tokens."""
    return isinstance(token, int) and token == number
