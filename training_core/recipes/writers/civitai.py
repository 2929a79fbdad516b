"""A recipe as what Civitai's forms ask for: a description to paste into its editor, and the values of a version's fields (pure)."""

from __future__ import annotations

import html
import re

from ...absolute_paths import without_paths
from ..recipe import Recipe
from .summary import UNTRAINED, Trained, length, rows
from .written import File, Written

_BASES = (
    (r"illustrious|(?<![a-z])il(?:xl)?(?![a-z])", "SDXL", "Illustrious"),
    (r"noob", "SDXL", "NoobAI"),
    (r"pony", "SDXL", "Pony"),
    (r"turbo", "SDXL", "SDXL Turbo"),
    (r"lightning", "SDXL", "SDXL Lightning"),
    (r"3[._-]?5.*turbo", "SD3", "SD 3.5 Large Turbo"),
    (r"3[._-]?5.*medium", "SD3", "SD 3.5 Medium"),
    (r"3[._-]?5", "SD3", "SD 3.5 Large"),
    (r"kontext", "Flux.1 dev", "Flux.1 Kontext"),
    (r"krea", "Flux.1 dev", "Flux.1 Krea"),
    (r"turbo", "Z-Image", "ZImageTurbo"),
    (r"2[._-]?2", "Wan 2.1 text-to-video", "Wan Video 2.2 T2V-A14B"),
    (r"1[._-]?3b", "Wan 2.1 text-to-video", "Wan Video 1.3B t2v"),
)
"""What the name of a model's file has, its family -> Civitai's name of the base model."""
_FAMILIES = {
    "SD1.5": "SD 1.5",
    "SD2": "SD 2.1",
    "SDXL": "SDXL 1.0",
    "SD3": "SD 3",
    "Flux.1 dev": "Flux.1 D",
    "Flux.1 schnell": "Flux.1 S",
    "Flux.2": "Flux.2 D",
    "Chroma": "Chroma",
    "Lumina 2": "Lumina",
    "Z-Image": "ZImageBase",
    "Qwen-Image": "Qwen",
    "HiDream-I1": "HiDream",
    "AuraFlow": "AuraFlow",
    "PixArt alpha": "PixArt a",
    "PixArt Sigma": "PixArt E",
    "HunyuanDiT": "Hunyuan 1",
    "HunyuanVideo (still pictures)": "Hunyuan Video",
    "Wan 2.1 text-to-video": "Wan Video 14B t2v",
    "Wan 2.2 5B (still pictures)": "Wan Video 2.2 TI2V-5B",
    "LTX-Video (still pictures)": "LTXV",
    "Mochi (still pictures)": "Mochi",
    "Stable Cascade (stage C)": "Stable Cascade",
    "Anima": "Anima",
}
"""Title of a family -> Civitai's name of the base model."""


def write(recipe: Recipe, trained: Trained = UNTRAINED) -> Written:
    """Return description.html, to be pasted into the editor, and fields.txt with the values of the version's fields."""
    values = recipe.group("training").model_dump()
    left_out = []
    base = base_name(recipe)
    if base == "Other":
        left_out.append("Civitai has no name for this kind of base model: choose one from its list.")
    strengths = trained.strengths
    if not strengths:
        left_out.append(
            "Recommended strength: give pictures of a comparison a star, and their strengths are named here."
        )
    triggers = trigger_words(recipe)
    if not triggers:
        left_out.append(
            "Trigger words: set metadata_trigger_phrase of Train LoRA, or class_tokens of Dataset Loader, to name them."
        )
    fields = [
        ("Type", kind(recipe)),
        ("Base model", base),
        ("Trigger words", ", ".join(triggers)),
        ("Training", length(values, trained)),
        ("Clip skip", str(recipe.model.clip_skip) if recipe.model.clip_skip > 1 else ""),
        ("Recommended strength", _strength(strengths)),
        ("Lowest and highest strength", f"{min(strengths):g} to {max(strengths):g}" if len(set(strengths)) > 1 else ""),
        ("File", trained.file),
    ]
    text = "\n".join(f"{name}: {value}" for name, value in fields if value) + "\n"
    files = (
        File(name="description.html", text=_description(recipe, trained, triggers)),
        File(name="fields.txt", text=text),
    )
    return Written(files=files, left_out=tuple(left_out))


def kind(recipe: Recipe) -> str:
    """Return the type that Civitai has for what is trained."""
    network = recipe.group("network").model_dump()
    if network["algo"] == "finetune":
        return "Checkpoint"
    if network["dora"]:
        return "DoRA"
    return "LoRA" if network["algo"] in ("lora", "dylora") else "LyCORIS"


def base_name(recipe: Recipe) -> str:
    """Return Civitai's name of the base model, by its family and the name of its file; "Other" where there is none."""
    files, family = recipe.model.files, recipe.model.family
    file = (files.get("checkpoint") or files.get("diffusion_model") or "").lower()
    named = (name for pattern, of, name in _BASES if family == of and re.search(pattern, file))
    return next(named, _FAMILIES.get(family, "Other"))


def trigger_words(recipe: Recipe) -> list[str]:
    """Return the words that call what was learned: the given phrase, else what stands in front of captions or in their place."""
    phrase = recipe.group("training").model_dump()["metadata_trigger_phrase"]
    datasets = [recipe.dataset(number) for number in range(len(recipe.datasets))]
    told = (
        [phrase]
        if phrase.strip()
        else [each.class_tokens or each.caption_prefix for each in datasets if not each.is_reg]
    )
    words = (" ".join(word.split()) for text in told for word in text.split(","))
    return list(dict.fromkeys(word for word in words if word))


def _strength(strengths: tuple[float, ...]) -> str:
    return f"{sorted(strengths)[len(strengths) // 2]:g}" if strengths else ""


def _description(recipe: Recipe, trained: Trained, triggers: list[str]) -> str:
    """Return the description in the elements that the editor keeps: headings, paragraphs, lists, bold text, code."""
    values = recipe.group("training").model_dump()
    about = [line for line in values["metadata_description"].split("\n") if line.strip()]
    parts = [f"<p>{_text(line)}</p>" for line in about]
    if triggers:
        parts.append(
            f"<p><strong>Trigger words:</strong> {', '.join(f'<code>{_text(word)}</code>' for word in triggers)}</p>"
        )
    use = f"<p><strong>Strength:</strong> {_strength(trained.strengths)}</p>" if trained.strengths else ""
    hint = f"<p>{_text(values['metadata_usage_hint'])}</p>" if values["metadata_usage_hint"].strip() else ""
    parts += [part for part in (use, hint) if part]
    told = [row for row in rows(recipe, trained) if row[0] not in ("File", "Seed")]
    items = "\n".join(f"<li><p><strong>{_text(name)}:</strong> {_text(value)}</p></li>" for name, value in told)
    parts += ["<h3>Training</h3>", f"<ul>\n{items}\n</ul>"]
    return "\n".join(parts) + "\n"


def _text(text: str) -> str:
    return html.escape(without_paths(" ".join(text.split())), quote=False)
