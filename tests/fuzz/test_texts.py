"""Texts as nobody should write them, through every grammar that a widget's text reaches."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from itertools import cycle

import fuzz
import pytest
from athanor.training_core import block_strengths, drawing
from athanor.training_core import settings as groups
from athanor.training_core.compare import grammar, kinds, widgets
from athanor.training_core.compare.axes import Axis, Value
from athanor.training_core.compare.labels import labels
from athanor.training_core.data import captions, tag_rules, tags
from athanor.training_core.data.caption_edit import CaptionEditor
from athanor.training_core.data.tags import Separators
from athanor.training_core.errors import AthanorError
from athanor.training_core.network import blocks, presets
from athanor.training_core.optim import args, schedulers
from athanor.training_core.run import prompts
from athanor.training_core.settings import (
    BlockSettings,
    BucketSettings,
    CaptionEditSettings,
    DatasetSettings,
    NetworkSettings,
    OptimizerSettings,
    info,
    parse,
)

warnings.simplefilter("ignore", FutureWarning)  # of regular expressions that Python will read otherwise one day

KNOWN = {
    "samplers": ["euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde"],
    "schedulers": ["normal", "karras", "sgm_uniform"],
    "models": ["sd15.safetensors", "folder/[v2] mix.safetensors"],
    "vaes": ["vae.safetensors"],
    "loras": [
        *(f"{name}.safetensors" for name in ("[v2] cat", r"style\foo", "a, b", "cat + dog", "x*y")),
        *(f"sub{i % 7}/my_lora-{i:06}.safetensors" for i in range(300)),
    ],
}
CORPUS = [
    "in 0.5, mid 0, IN07=2", "all but IN04-08, te1.0-3", "double 0-7, *attn2*", "each off\nOUTS:1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1",
    "0-0.5, 0.3-1",
    "0.6-1(0.1)", "1, 2, .., 10", "10-1(-3)", "1-10[4]", "1e-4", "x3, -1, 5-7", "512x768, 640×640", "0.6 || 0.8",
    "euler/karras, DPM++ 2M Karras", "my_lora-*:0.4-1(0.2):0.5", "[v2] cat:0.5 + style\\foo:1 + none", "cat, dog, bird",
    "red hat => blue hat\nbig => small", "[[who]], cat, dog", '"a, b", "c ""d"""', "“猫, 黑”，「狗」、鸟", "SKIP: a, b",
    'SKIP: my_lora-*, skip: "x, y", SKIP：[v2] cat:0.5', "1, SKIP: 2, .., SKIP: 9", "all, SKIP: mean(2-4), SKIP: last",
    "Load LoRA (12).strength_model", "all", "every 2", "from 4 to 10", "5 even", "2, 4, last", "best 3",
    "best 2 by mix(likeness 0.7, prompt)",
    "1:100, 0.1:5%, 0.01", "5e-5, 1e-5", "0.05", "weight_decay=0.05 betas=0.9,0.95 eps=(1e-8, 1e-3)", "sine+0.25",
    "attn2=32, single_blocks=8", r"^lora_unet_.*_(attn|mlp)\d+", "(a+)+$", "768, 1024x1024", "old -> new\n* background ->",
    "tag1 + tag2 -> phrase", "watermark, rating*, ?girl", "a cat --n bad --w 768 --h 512 --d 42 --l 7.5 --s 28 --g 3.5",
    'exclude_name = ["attn.*"]\n[name_algo_map."ff"]\nalgo = "lokr"', "{red|blue} hat, {{literal}}", "1girl, (hat:1.2), ^_^ |||b",
    "white", "#ff0000", ".txt", "my_lora", "sub\\my_lora-*", "torch.optim.RAdam", "prompts.toml", "masks/../..",
]  # fmt: skip
SIGNS = [
    *"0123456789.,-+()[]{}<>:;|*?=\"'\\/~^$#%&!@_ eExX\n\r\t\0",
    "，", "、", "：", "“", "”", "「", "」", "…", "×", "–", "０", "Ⅷ", "²", "٣", "é", "é", "\u2028", "\u200b", "\u202e", "\ufeff",
    "😀", "👩‍👩‍👧", "漢", "\ud800", "\udcff", "\x85", "\x1b[31m", "=>", "->", " + ", "||", "--", "..", "e999999999", "1" * 30,
]  # fmt: skip


def text(rng: random.Random) -> str:
    """Return a text: random, a valid one that was changed, or a huge one."""
    kind = rng.random()
    if kind < 0.25:
        return "".join(rng.choices(SIGNS, k=rng.randrange(40)))
    made = rng.choice(CORPUS)
    for _ in range(rng.choice((0, 1, 1, 2, 4, 8))):
        made = changed(made, rng)
    if kind > 0.97:
        piece = rng.choice([made, rng.choice(SIGNS), made + rng.choice((", ", "\n", " ", " || "))]) or "a"
        made = (piece * (rng.choice((2_000, 20_000, 100_000)) // len(piece) + 1))[:100_000]
    return made


def changed(text: str, rng: random.Random) -> str:
    """Return a text with one change that a hand, an editor or a program could make."""
    start = rng.randrange(len(text) + 1)
    end = min(len(text), start + rng.choice((1, 1, 2, 5, 20)))
    kind = rng.randrange(8)
    if kind == 0:
        return text[:start] + text[end:]
    if kind == 1:
        return text[:start] + rng.choice(SIGNS) + text[start:]
    if kind == 2:
        return text[:start] + text[start:end] * rng.choice((2, 3, 30)) + text[end:]
    if kind == 3:
        return "".join(
            rng.choice(("0", "9" * 25, "1e400", "-1", ".", "1e-9")) if c.isdigit() and rng.random() < 0.3 else c
            for c in text
        )
    if kind == 4:
        return text + rng.choice((", ", "\n", " ", " + ", ":", " || ", ",\n")) + rng.choice(CORPUS)
    if kind == 5:
        return text.upper() if rng.random() < 0.5 else text.swapcase()
    if kind == 6:
        return text.replace(rng.choice((",", " ", ".", "(", '"')), rng.choice(SIGNS))
    return text[::-1]


class _First:
    """Random choices that are always the first, so that a caption is always the same."""

    random = staticmethod(lambda: 0.5)
    shuffle = staticmethod(lambda x: None)
    choice = staticmethod(lambda seq: seq[0])


GRAPH = [
    widgets.Widget(
        node="1", name=kind.lower(), title="Node", kinds=("Type",), type=kind, value="a cat", options=("a", "b-1", 3)
    )
    for kind in ("INT", "FLOAT", "BOOLEAN", "STRING", "COMBO")
]
BLOCKS = [
    "lora_te1_text_model_encoder_layers_0_mlp_fc1",
    "lora_unet_input_blocks_4_1_proj_in",
    "lora_unet_middle_block_1_proj_in",
]
LAYERS = {"blocks.0.attn.to_q": "lora_unet_blocks_0_attn_to_q", "out.2": "lora_unet_out_2"}
PROMPT = prompts.Prompt(text="", negative="", width=512, height=512, seed=0, steps=20, cfg=7.0)
FACE = drawing.font(12)


def _setting(group: type, name: str) -> Callable[[str], object]:
    return lambda text: parse(group, {name: text})


def _network(text: str) -> None:
    for name, each in (("down_lr_weight", blocks.lr_weights), ("reg_dims", _shares), ("block_dims", _shares)):
        each(parse(NetworkSettings, {"blocks": parse(BlockSettings, {name: text})}), 25)


def _shares(settings: NetworkSettings, _count: int) -> None:
    for name in ("lora_unet_down_blocks_0_attentions_0_proj_in", "lora_unet_" + "transformer_blocks_1_" * 5):
        blocks.share(settings, name, False, 1e-4)


def _layers(text: str) -> None:
    for pattern in parse(NetworkSettings, {"include": text}).patterns("include"):
        for name in [*LAYERS.values(), "lora_unet_" + "transformer_blocks_1_" * 5]:
            pattern.search(name)


def _schedule(text: str) -> None:
    for name in ("lr_step_rules", "lr_warmup_steps", "lr_decay_steps"):
        settings = parse(OptimizerSettings, {name: text, "lr_scheduler": "piecewise_constant"})
        assert all(schedulers.multiplier(settings, step, 100) >= 0 for step in (0, 50, 99))


def _caption(text: str) -> None:
    for values in (
        {"enable_wildcard": True},
        {"shuffle_caption": True, "keep_tokens_separator": "|||"},
        {"secondary_separator": ";"},
    ):
        captions.final_text(text, DatasetSettings(**values), _First(), 0, 3, 10)  # ty: ignore
    tags.tags_of(text, Separators(",", "|||", ";"))


def _separators(text: str) -> None:
    for name in ("caption_separator", "keep_tokens_separator", "secondary_separator"):
        settings = parse(DatasetSettings, {name: text, "shuffle_caption": True})
        captions.final_text("a, b ||| c;d", settings, _First(), 0, 3, 10)
        tags.tags_of("a, b ||| c;d", Separators.of(settings))


def _rules(text: str) -> None:
    for name in ("replace", "merge", "remove", "front", "trigger"):
        CaptionEditor(parse(CaptionEditSettings, {name: text})).edit(
            "1girl, red hat, old, tag1, tag2, rating:safe", Separators()
        )
    CaptionEditor(CaptionEditSettings(replace="red* -> blue hat", remove="?girl", front="cat")).edit(text, Separators())


def _labels(text: str) -> None:
    drawing.wrap(text, FACE, 160, 4)
    drawing.shorten(text, FACE, 160)
    labels(Axis("x", (Value(text, ()), Value(text + "2", ()), Value(text[:-1] + "1", ()))))


DOORS: dict[str, Callable[[str], object]] = {
    **{f"axis {kind}": lambda text, kind=kind: kinds.listed(kinds.read(kind, text, KNOWN)) for kind in kinds.READERS},
    "blocks of a file": lambda text: block_strengths.read(text).strengths(BLOCKS, "a.safetensors"),
    "axis type": lambda text: kinds.read(text, "1", KNOWN),
    "widget": lambda text: widgets.find(text, GRAPH),
    **{f"widget {w.type}": lambda text, w=w: widgets.read(w, text, GRAPH) for w in GRAPH},
    "strengths": lambda text: grammar.numbers(text, "strengths"),
    "seeds": lambda text: grammar.seeds(text, "seeds"),
    **{
        f"setting {group.__name__}.{each.name}": _setting(group, each.name)
        for group in (getattr(groups, name) for name in groups.__all__)
        if isinstance(group, type) and issubclass(group, groups.Settings) and group.__name__ != "Job"
        for each in info(group)
        if each.kind in ("str", "choice")
    },
    "network by block": _network,
    "network by name": _layers,
    "preset": lambda text: presets._from_toml(text, False, LAYERS),  # it needs no model
    "optimizer arguments": args.parse,
    "optimizer class": lambda text: schedulers.check(parse(OptimizerSettings, {"optimizer_class": text})),
    "schedule": _schedule,
    "resolutions": lambda text: parse(BucketSettings, {"extra_resolutions": text}).resolutions,
    "sample prompt": lambda text: prompts.parse_line(text, PROMPT),
    "caption": _caption,
    "separators": _separators,
    "tag list": lambda text: [tag_rules.pattern(tag, "*?") for tag in tag_rules.parse_list(text, "remove")[:50]],
    "caption rules": _rules,
    "labels": _labels,
}


def try_out(name: str, door: Callable[[str], object], case: str) -> None:
    """Fail unless the door takes the text, or refuses it in a sentence, in less than a second."""
    with fuzz.no_hang((name, case)):
        try:
            door(case)
        except AthanorError as error:
            message = str(error)
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__} for {case[:300]!r}: {error}"[:1000]) from error
        else:
            return
    fuzz.check_message(message)
    assert not any("\ud800" <= sign <= "\udfff" for sign in message), (name, case[:300])


def test_every_grammar_takes_any_text():
    rng = fuzz.generator("texts")
    if fuzz.FULL:
        for _ in range(fuzz.cases(20_000)):
            case = text(rng)
            for name, door in DOORS.items():
                try_out(name, door, case)
    else:  # each text through one door, each door several times
        for (name, door), _ in zip(cycle(DOORS.items()), range(8 * len(DOORS)), strict=False):
            try_out(name, door, text(rng))


@pytest.mark.parametrize("case", ["all", "0.05", "my_lora", "\ud800", "", " " * 1000])
def test_texts_of_the_corpus_are_taken_whole(case):
    for name, door in DOORS.items():
        try_out(name, door, case)


def test_names_of_files_and_runs(comfy, tmp_path, monkeypatch):
    import folder_paths
    from athanor.training_core.compare import curves, epoch_filter, grid_files, runs
    from athanor.training_core.host import dataset_places, folders

    monkeypatch.setattr(folder_paths, "get_input_directory", lambda: str(tmp_path))
    monkeypatch.setattr(folder_paths, "get_output_directory", lambda: str(tmp_path / "out"))
    (tmp_path / "masks").mkdir()
    rng = fuzz.generator("names")
    doors = {
        "folder": folders.dataset_folder,
        "mask_folder": lambda text: folders.mask_folder(text, tmp_path),
        "control_folder": lambda text: dataset_places.control_folder(text, tmp_path),
        "output_name": folders.lora_path,
        "output_name of a model": lambda text: folders.model_path(text, True),
        "network_weights": lambda text: folders.existing_lora(text, "network_weights"),
        "comparison": folders.compare_folder,
        "name of a comparison": grid_files.open_comparison,
        "source": runs.find,
        "runs": curves.find,
        "epochs": epoch_filter.read,
        "prompt file": lambda text: prompts.read(groups.SamplingSettings(sample_prompts=text), tmp_path, ()),
    }
    for _ in range(fuzz.cases(20_000, 400)):
        case = text(rng)
        for name, door in doors.items():
            try_out(name, door, case)
    assert {path.name for path in tmp_path.iterdir()} == {"masks"}
