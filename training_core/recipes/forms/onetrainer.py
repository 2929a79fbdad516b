"""OneTrainer's JSON: a configuration or preset of any version, its concepts, and its samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...json_text import parse_json
from ..document import Document
from ..draft import Draft
from ..form import Form
from ..rules import Contents, Entry, Meaningless, Said
from ..translate import Program
from .lora_header import header
from .nested import draw_at_trained_size, flat, number_or, objects, part, shown
from .onetrainer_files import FILE_WORDS
from .onetrainer_models import KINDS, METHODS, PARTS, finetunes, kind
from .onetrainer_network import NETWORK_WORDS
from .onetrainer_old import OLD
from .onetrainer_optimizer import ARGUMENTS, OPTIMIZER_WORDS, matters
from .onetrainer_parts import MODEL_WORDS
from .onetrainer_samples import samples_given
from .onetrainer_training import TRAINING_WORDS

_ONE_LINE = (
    "optimizer_defaults",
    "secrets",
    "cloud",
    "quantization",
    "embedding",
    "embeddings",
    "additional_embeddings",
)
"""What is told in one line, whatever is in it."""
_DEFAULTS = {
    "model_type": "STABLE_DIFFUSION_15", "epochs": 100, "learning_rate": 3e-6, "learning_rate_warmup_steps": 200.0,
    "learning_rate_scheduler": "CONSTANT", "output_dtype": "FLOAT_32", "resolution": "512", "sample_after_unit": "MINUTE",
    "save_every_unit": "NEVER",
}  # fmt: skip
"""What OneTrainer does where a file says nothing and we do something else (TrainConfig.default_values)."""
_NETWORK_DEFAULTS = {"lora_rank": 16, "lora_alpha": 1.0, "layer_filter_preset": "full"}


def _implied(said: Said) -> dict[str, Any]:
    """Return what OneTrainer does by itself, where our defaults differ."""
    if not any(name in said for name in ("training_method", "model_type", "learning_rate", "batch_size")):
        return {}  # concepts or samples alone
    values = dict(_DEFAULTS)
    if "custom" not in str(said.get("layer_filter_preset")) and not finetunes(said):
        values |= _NETWORK_DEFAULTS
    if "training_method" not in said:
        values["training_method"] = "FINE_TUNE"
    model = kind({**values, **said})
    if model.flow and not said.get("dynamic_timestep_shifting"):
        values["timestep_distribution"] = "UNIFORM"
    for name, role in zip(("text_encoder", "text_encoder_2", "text_encoder_3"), model.encoders, strict=False):
        if role and not finetunes(said):
            values[f"{name}.train"] = True
            stops = number_or(said.get("epochs"), 100) > 30 and said.get(f"{name}.train") is not False
            if stops and f"{name}.stop_training_after_unit" not in said:
                values[f"{name}.stop_training_after"] = 30
    return values


def _settle(draft: Draft, said: Said) -> None:
    draw_at_trained_size(draft, cfg=1.0 if kind(said).guided and "model_type" in said else None)


ONETRAINER = Program(
    title="OneTrainer",
    vocabulary={**MODEL_WORDS, **NETWORK_WORDS, **OPTIMIZER_WORDS, **TRAINING_WORDS, **FILE_WORDS},
    implied=_implied,
    settle=_settle,
)


def told(tree: Mapping[str, Any]) -> Contents:
    """Return what a configuration says: the object of its JSON file, which OneTrainer also keeps in its LoRA files (ot_config)."""
    given = list(_config(tree))
    concepts = objects(tree.get("concepts"))
    folders, count = _concepts(concepts)
    return Contents(entries=(*given, *folders), datasets=max(1, count))


def _config(tree: Mapping[str, Any]) -> Iterator[Entry]:
    model = KINDS.get(str(tree.get("model_type")))
    for name, value in tree.items():
        name, as_written = OLD.get(name, name), name
        if name == "concepts" and objects(value):
            continue
        if name == "samples" and objects(value):
            yield from samples_given(objects(value))
        elif name == "optimizer":
            yield from _optimizer(value)
        elif name in PARTS and isinstance(value, dict):
            if model and name not in model.has:
                yield Entry(name=name, value="...")
            else:
                yield from _part(name, value)
        elif name in _ONE_LINE:
            yield Entry(name=name, value="..." if value else "")
        elif name in ("noising_weight", "noising_bias") and _before_version_4(tree):
            yield from _old_noising(name, value, tree)
        elif isinstance(value, dict):
            yield from (Entry(name=each, value=shown(each, leaf)) for each, leaf in flat(value, name))
        else:
            value = 0.0 if name == "clip_grad_norm" and value is None else shown(name, value)
            yield Entry(name=name, shown=as_written if as_written != name else "", value=value)
    if _before_version_4(tree) and number_or(tree.get("noising_weight")):
        yield Entry(name="timestep_distribution", shown="noising_weight", value="SIGMOID")


def _part(name: str, values: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield what is said of a part of the model; what has no meaning whatever it is, in one line."""
    others = []
    for each, leaf in flat(values, name):
        if _pointless(each):
            others.append(each.partition(".")[2])
        else:
            yield Entry(name=each, value=shown(each, leaf))
    if others:
        yield Entry(name=f"{name} others", shown=f"{name}: other values", value=others)


def _pointless(name: str) -> bool:
    """Return whether a name has no meaning here, whatever its value is."""
    rule = ONETRAINER.vocabulary.get(name)
    return isinstance(rule, Meaningless) and rule.unless is None


def _before_version_4(tree: Mapping[str, Any]) -> bool:
    """Return whether noising_weight stands alone, as before there were several distributions (version 4)."""
    return "timestep_distribution" not in tree and number_or(tree.get("__version")) < 4


def _old_noising(name: str, value: Any, tree: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield the values of before version 4, when the middle of noising_bias was 0.5."""
    moved = number_or(value, 0.5) - 0.5 if name == "noising_bias" else value
    yield Entry(name=name, value=moved)


def _optimizer(value: Any) -> Iterator[Entry]:
    """Yield the optimizer and those of its arguments that are its own; the others in one line."""
    if not isinstance(value, dict):
        yield Entry(name="optimizer.optimizer", shown="optimizer", value=value)
        return
    optimizer = value.get("optimizer", "ADAMW")
    others = []
    for name, each in value.items():
        if name in ARGUMENTS and (each is None or not matters(name, optimizer)):
            others.append(name)
        else:
            yield Entry(name=f"optimizer.{name}", value=each)
    if others:
        yield Entry(name="optimizer others", shown="optimizer: other arguments", value=others)


def _concepts(concepts: Sequence[Mapping[str, Any]]) -> tuple[list[Entry], int]:
    """Return what concepts say, and how many Dataset Loaders they need."""
    given: list[Entry] = []
    count = 0
    same_size = _same_size(concepts)
    for number_, concept in enumerate(concepts, start=1):
        at = f"concepts {number_}" if len(concepts) > 1 else "concepts"
        kind_ = "VALIDATION" if concept.get("validation_concept") is True else concept.get("type", "STANDARD")
        if concept.get("enabled") is False or kind_ == "VALIDATION":
            name = "concepts off" if concept.get("enabled") is False else "concepts validation"
            given.append(Entry(name=name, shown="path", at=at, value=concept.get("path", "")))
            continue
        others = []
        for name, shown_, value in _concept(concept):
            if _pointless(f"concepts.{name}") and not name.endswith("off"):
                others.append(shown_)
                continue
            name += same_size if name == "image.resolution_override" else ""
            given.append(Entry(name=f"concepts.{name}", shown=shown_, at=at, value=value, datasets=(count,)))
        if others:
            given.append(Entry(name="concepts others", shown="other values", at=at, value=others))
        count += 1
    return given, count


def _same_size(concepts: Sequence[Mapping[str, Any]]) -> str:
    """Return " all" if every concept that is trained has one size of its own, the same for all: then it is that of the run."""
    trained = [part(each, "image") for each in concepts if each.get("enabled") is not False]
    sizes = {str(each.get("resolution_override")) for each in trained if each.get("enable_resolution_override") is True}
    return " all" if len(sizes) == 1 and all(each.get("enable_resolution_override") is True for each in trained) else ""


def _concept(concept: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield (name, name as it is written, value) of all that one concept says."""
    image, text = part(concept, "image"), part(concept, "text")
    for name, value in concept.items():
        if name in ("balancing", "repeats"):
            strategy = "SAMPLES" if concept.get("balancing_strategy") == "SAMPLES" else "REPEATS"
            yield f"balancing {strategy}", name, value
        elif name == "concept_stats":
            yield name, name, "..." if value else ""
        elif name not in ("image", "text") or not isinstance(value, dict):
            yield name, name, value
    off = [name for name, value in image.items() if not _counts(name, image) or value in (False, 0, "", None)]
    off = [name for name in off if name != "__version"]
    for name, value in image.items():
        one_crop = name == "enable_crop_jitter" and number_or(concept.get("image_variations", 1)) <= 1
        if name in off or one_crop:
            continue
        yield f"image.{name}", f"image: {name}", value
    if off:
        yield "image off", "image: what is off", off
    off = [name for name, value in text.items() if not _counts(name, text) or value in (False, 0, "", "NONE", None)]
    off = [name for name in off if name != "__version"]
    for name, value in text.items():
        if name not in off:
            mode = f" {text.get('tag_dropout_mode', 'FULL')}" if name == "tag_dropout_probability" else ""
            yield f"text.{name}{mode}", f"text: {name}", value
    if off:
        yield "text off", "text: what is off", off


_SWITCHES = {
    "resolution_override": "enable_resolution_override", "random_rotate_max_angle": "enable_random_rotate",
    "random_brightness_max_strength": "enable_random_brightness", "random_contrast_max_strength": "enable_random_contrast",
    "random_saturation_max_strength": "enable_random_saturation", "random_hue_max_strength": "enable_random_hue",
    "tag_delimiter": "enable_tag_shuffling tag_dropout_enable", "keep_tags_count": "enable_tag_shuffling tag_dropout_enable",
    "tag_dropout_mode": "tag_dropout_enable", "tag_dropout_probability": "tag_dropout_enable",
    "tag_dropout_special_tags_mode": "tag_dropout_enable", "tag_dropout_special_tags": "tag_dropout_enable",
    "caps_randomize_mode": "caps_randomize_enable", "caps_randomize_probability": "caps_randomize_enable",
    "caps_randomize_lowercase": "caps_randomize_enable",
}  # fmt: skip
"""A value of a concept -> the switches of which one must be on for it to count."""


def _counts(name: str, values: Mapping[str, Any]) -> bool:
    return name not in _SWITCHES or any(values.get(each) is True for each in _SWITCHES[name].split())


def _read_config(document: Document) -> Contents | None:
    tree = document.json
    if not isinstance(tree, dict):
        return None
    kinds = str(tree.get("model_type")) in KINDS or str(tree.get("training_method")) in METHODS
    return told(tree) if kinds else None


def _read_lora(document: Document) -> Contents | None:
    """What OneTrainer has kept of its configuration in a file that it trained (include_train_config)."""
    found = header(document)
    tree = parse_json(found.metadata.get("ot_config", "")) if found else None
    return told(tree) if isinstance(tree, dict) else None


def _read_concepts(document: Document) -> Contents | None:
    concepts = objects(document.json)
    if not concepts or not all("path" in each and ("text" in each or "image" in each) for each in concepts):
        return None
    given, count = _concepts(concepts)
    return Contents(entries=tuple(given), datasets=max(1, count))


def _read_samples(document: Document) -> Contents | None:
    samples = objects(document.json)
    if not samples or not all("prompt" in each and "diffusion_steps" in each for each in samples):
        return None
    return Contents(entries=tuple(samples_given(samples)))


LORA = Form(title="LoRA file of OneTrainer", program=ONETRAINER, read=_read_lora)
FORMS = (
    Form(title="OneTrainer configuration", program=ONETRAINER, read=_read_config),
    Form(title="OneTrainer concepts", program=ONETRAINER, read=_read_concepts),
    Form(title="OneTrainer samples", program=ONETRAINER, read=_read_samples),
)
"""Its forms, in the order in which they are tried and speak."""
