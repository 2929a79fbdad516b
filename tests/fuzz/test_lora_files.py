"""LoRA files of four layouts, hurt as bytes, as tensors, as names and as metadata: shown as far as they go, else one sentence."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import fuzz
import pytest
import torch
from athanor.training_core import lora_keys
from athanor.training_core.edit import build as edits
from athanor.training_core.edit import recipe
from athanor.training_core.edit import told as words
from athanor.training_core.edit.svd import RankRule
from athanor.training_core.errors import AthanorError
from athanor.training_core.files import UnreadableFile, safetensors_header, safetensors_metadata
from athanor.training_core.history.run_files import is_whole, run_id_of
from athanor.training_core.network import build, chart, describe, info, recover, weights
from athanor.training_core.network.disclosures import disclosures
from athanor.training_core.network.metadata_choice import reduced
from athanor.training_core.network.parts import Part
from athanor.training_core.publish import card
from athanor.training_core.publish.wanted import CHOICES, Wanted, known_texts, with_texts
from athanor.training_core.settings import NetworkSettings, NoiseSettings, Settings
from safetensors.torch import save_file
from small import Model

Tensors = dict[str, torch.Tensor]

SETTINGS = {
    "kohya": NetworkSettings(rank=4, alpha=2.0),
    "dora": NetworkSettings(rank=4, alpha=2.0, dora=True),
    "lycoris": NetworkSettings(algo="lokr", rank=2, factor=2),
    "diffusers": NetworkSettings(rank=8, alpha=4.0),
    "onetrainer": NetworkSettings(rank=4),
}
NAMED = {
    "lora_unet_attn_to_q": {"unet.attn.q": slice(0, 8), "unet.attn.k": slice(8, 16)},
    "lora_unet_attn_proj_in": {"unet.attn.proj": slice(None)},
}
"""What diffusers might call the layers of the small model: one of them is two."""
TEXT = "text_model.encoder.layers.0.mlp.fc1"
ODD: tuple[Any, ...] = (
    "", "None", "nan", "-1", "1e999", "9" * 5000, "{", "[]", "{}", "null", "3", "[" * 900 + "]" * 900, "\0", "²", "True", "a" * 5000,
    '{"a": NaN}', '{"": {"": "x"}}', '{"a": {"b": [1, {}]}}', '["\\ud800"]', "(((", "x(a=1, b=(2, 3))", "[1e-4, 2]", "0x10", "１２",
    '{"conv_dim": "x", "algo": 3, "include_patterns": "(((", "dropout": [1], "mid_lr_weight": {}}', "a,b,c", "1,2", "\n\n", "雪" * 50,
    '{"r": 1e400, "lora_alpha": "x", "alpha_pattern": {"(a+)+$": 1, "[": 2, "": null}, "use_rslora": "x"}',
)  # fmt: skip
"""Values that stand in no file of a healthy trainer."""
FIELDS = (
    "ss_tag_frequency", "ss_network_args", "ss_network_dim", "ss_network_alpha", "ss_optimizer", "ss_resolution", "ss_learning_rate",
    "ss_unet_lr", "ss_text_encoder_lr", "ss_num_epochs", "ss_min_snr_gamma", "ss_epoch", "ss_steps", "ss_base_model_version",
    "ss_sd_model_name", "ss_lr_scheduler", "ss_timestep_sampling", "modelspec.timestep_range", "modelspec.architecture",
    "lora_adapter_metadata", "athanor_job", "athanor_trained", "athanor_run_id", "sshs_model_hash", "ss_loss_type", "ss_seed", "x",
)  # fmt: skip


def pair(layer: str, shape: tuple[int, int], down: str, up: str, rank: int = 4) -> Tensors:
    return {f"{layer}.{up}": torch.full((shape[0], rank), 0.1), f"{layer}.{down}": torch.full((rank, shape[1]), 0.1)}


def files() -> dict[str, tuple[Tensors, dict[str, str]]]:
    """A healthy file of each layout."""
    proj, q = "lora_unet_attn_proj_in", "lora_unet_attn_to_q"
    kohya = pair(q, (16, 8), "lora_down.weight", "lora_up.weight") | {
        f"{q}.alpha": torch.tensor(2.0),
        f"{proj}.alpha": torch.tensor(1.0),
    }
    kohya |= {k: v[..., None, None] for k, v in pair(proj, (8, 8), "lora_down.weight", "lora_up.weight").items()}
    kohya_text = pair(f"lora_te_{TEXT.replace('.', '_')}", (8, 8), "lora_down.weight", "lora_up.weight")
    dora = kohya | {f"{q}.dora_scale": torch.ones(16, 1), f"{proj}.dora_scale": torch.ones(8, 1, 1, 1)}
    network = build.create([Part(Model())], SETTINGS["lycoris"], 0)
    lokr = {
        f"{lora.lora_name}.{piece}": value.detach()
        for lora in network.loras
        for piece, value in lora.state_dict().items()
    }
    apart = {k: v for x in "qk" for k, v in pair(f"unet.attn.{x}", (8, 8), "lora_A.weight", "lora_B.weight").items()}
    apart["unet.attn.k.lora_A.weight"] = torch.full((4, 8), 0.2)
    apart |= {
        k: v[..., None, None] for k, v in pair("unet.attn.proj", (8, 8), "lora_A.weight", "lora_B.weight").items()
    }
    apart |= pair(f"text_encoder.{TEXT}", (8, 8), "lora_A.weight", "lora_B.weight")
    one = {k.replace("lora_unet_", "lora_transformer_"): v for k, v in kohya.items()} | pair(
        f"clip_l.{TEXT}", (8, 8), "lora_down.weight", "lora_up.weight"
    )
    one |= {"bundle_emb.cat.clip_l": torch.ones(2, 8)}
    adapter = {"unet.r": 4, "unet.lora_alpha": 8, "unet.alpha_pattern": {"attn.q": 2}, "text_encoder.lora_alpha": 1}
    tags = {"10_cat": {"cat": 12, "dog": "3"}}
    told = {"ss_network_dim": "4", "ss_network_alpha": "2", "ss_tag_frequency": json.dumps(tags), "ss_steps": "9"}
    return {
        "kohya": (kohya | kohya_text, told),
        "dora": (dora, told | {"athanor_run_id": "0" * 16, "athanor_job": json.dumps({"network": {"rank": 4, "dora": True}})}),
        "lycoris": (lokr, told | {"ss_network_args": json.dumps({"algo": "lokr", "factor": "2"})}),
        "diffusers": (apart, {"lora_adapter_metadata": json.dumps(adapter)}),
        "onetrainer": (one, {}),
    }  # fmt: skip


def hurt_tensor(value: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """A tensor of other values, another format or another shape."""
    kind = rng.choice(
        ("nan", "inf", "huge", "format", "flat", "scalar", "none", "axes", "deep", "turned", "longer", "wide")
    )
    if kind in ("nan", "inf", "huge"):
        flat = (value if value.is_floating_point() else value.float()).flatten().clone()
        flat[: rng.choice((1, 1, value.numel()))] = {"nan": torch.nan, "inf": -torch.inf, "huge": 3e38}[kind]
        return flat.reshape(value.shape)
    if kind == "format":
        formats = (
            torch.float64,
            torch.float16,
            torch.float8_e4m3fn,
            torch.bool,
            torch.int64,
            torch.uint8,
            torch.complex64,
        )
        return value.to(rng.choice(formats))
    ones = {
        "scalar": (), "none": rng.choice(((0,), (0, 4), (4, 0))), "axes": (*value.shape, 1, 1, 1), "deep": (1,) * rng.choice((9, 70)),
        "longer": (rng.randrange(1, 300), *value.shape[1:]), "wide": rng.choice(((60_000, 1), (1, 60_000))),
    }  # fmt: skip
    if kind in ones:
        return torch.ones(ones[kind])
    return value.flatten() if kind == "flat" else value.mT.contiguous() if value.ndim > 1 else value[None]


def hurt_name(key: str, rng: random.Random) -> str:
    """Another name: of another trainer, cut, doubled, endless, or none at all."""
    kind = rng.choice(("prefix", "piece", "cut", "twice", "letters", "long", "dots"))
    if kind == "prefix":
        starts = (
            "lora_unet_",
            "model.diffusion_model.",
            "pipe.dit.",
            "clip_l.",
            "text_encoder_2.",
            "t5.",
            "lora_te3_",
            "bundle_emb.",
            "",
            "base_model.model.",
        )
        return rng.choice(starts) + key.partition(rng.choice((".", "_")))[2]
    if kind == "piece":
        pieces = (
            "alpha",
            "lora_A",
            "lora_B.x.weight",
            "lora_magnitude_vector",
            "dora_scale",
            "diff",
            "hada_w1_a",
            "weight",
            "lora_mid.weight",
            "oft_blocks",
            "lokr_t2",
            "bias",
        )
        return f"{key.partition('.')[0]}.{rng.choice(pieces)}"
    if kind == "letters":
        return "".join(rng.choice(string.printable + "雪²") for _ in range(rng.randrange(40)))
    return {
        "cut": key[: rng.randrange(len(key))],
        "twice": key + "." + key,
        "long": key * 200,
        "dots": "." * rng.randrange(1, 50),
    }[kind]


def hurt_file(path: Path, tensors: Tensors, metadata: dict[str, str], rng: random.Random) -> None:
    """Write the file with one to three things wrong."""
    tensors, metadata = dict(tensors), dict(metadata)
    for _ in range(rng.choice((1, 1, 2, 3))):
        key, way = (
            rng.choice(list(tensors)),
            rng.choice(("tensor", "tensor", "name", "gone", "field", "field", "json", "twin")),
        )
        if way == "tensor":
            tensors[key] = hurt_tensor(tensors[key], rng)
        elif way == "name":
            tensors[hurt_name(key, rng)] = tensors.pop(key)
        elif way == "twin":
            tensors[hurt_name(key, rng)] = hurt_tensor(tensors[key], rng)
        elif way == "gone" and len(tensors) > 1:
            del tensors[key]
        elif way == "json" and metadata:
            field = rng.choice(list(metadata))
            metadata[field] = fuzz.hurt(metadata[field].encode(), rng).decode("utf-8", "replace")
        else:
            metadata[rng.choice(FIELDS)] = rng.choice(ODD)
    tensors.pop("__metadata__", None)
    save_file({key: value.clone() for key, value in tensors.items()}, path, metadata)
    if rng.random() < 0.4:
        data = path.read_bytes()
        length = 8 + int.from_bytes(data[:8], "little")
        in_header = fuzz.hurt(data[:length], rng) + data[length:]
        path.write_bytes(rng.choice((in_header, fuzz.hurt(data, rng))))


def published(metadata: dict[str, str]) -> None:
    """The description of a file, and what it tells, with each choice of metadata."""
    for choice in CHOICES:
        texts = known_texts(metadata)
        kept = with_texts(reduced(metadata, choice), Wanted(name="copy", choice=choice, texts=texts))
        assert disclosures(kept) is not None
        text = card.markdown(kept, "copy.safetensors", [1.0], [])
        table = [line for line in text.splitlines() if line.startswith("| ")]
        assert text.startswith("# ") and all(line.endswith(" |") and len(line) < 700 for line in table), text


def show(path: Path) -> None:
    """All that LoRA Info does, and what is said where the file is published."""
    lora = info.read(path)
    found = recover.recover(lora.metadata, {x.part for x in lora.layers}, recover.of_layers(lora.layers))
    fields = info.fields(lora.metadata)
    published(lora.metadata)
    assert chart.norms(lora).height < 10_000
    for text in (describe.summary(lora, found), describe.metadata(fields), describe.tags(fields)):
        text.encode()
    assert all(isinstance(group, Settings) for group in found.groups.values()) and NoiseSettings in found.groups


def go_on(path: Path, settings: NetworkSettings) -> None:
    """All that network_weights does with a model of two layers; what it refuses changes nothing."""
    tensors, metadata = weights.load(path)
    for note in weights.left_out(tensors, settings):
        fuzz.check_message(note)
    network = build.create([Part(Model())], settings, 0)
    before = [parameter.detach().clone() for lora in network.loras for parameter in lora.parameters()]
    after = [parameter for lora in network.loras for parameter in lora.parameters()]
    try:
        weights.load_into(network, settings, tensors, metadata, network.renames(), NAMED)
    except AthanorError:
        assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True)), "refused, and changed"
        raise
    assert all(parameter.isfinite().all() for parameter in after), "the network begins with NaN or infinity"


def edit(path: Path, whole: Path, rule: RankRule | None) -> None:
    """All that LoRA Edit does with it beside a healthy one: what is written is whole, and read again."""
    wanted = edits.Wanted(
        sources=(edits.Source(path=path, weight=0.25), edits.Source(path=whole, weight=0.75)), rule=rule
    )
    told = recipe.recipe(wanted)
    for note in recipe.notes(wanted):
        fuzz.check_message(note)
    made = edits.make(wanted)
    result = path.with_name("result.safetensors")
    recipe.write(result, made, wanted, told)
    assert words.originals(wanted) and words.summary(result.name, made, result.stat().st_size)
    lora = info.read(result)
    assert not [(layer.name, layer.damage) for layer in lora.layers if layer.damage]
    assert recipe.is_same(result, told)


@pytest.mark.parametrize("layout", SETTINGS)
def test_healthy_files_are_read(layout: str, tmp_path: Path):
    tensors, metadata = files()[layout]
    path = tmp_path / "healthy.safetensors"
    save_file(tensors, path, metadata)
    show(path)
    go_on(path, SETTINGS[layout])


def read(case: str, use: Callable[..., object], *values: object) -> None:
    """Use a file; an error is one sentence, or the case fails."""
    try:
        use(*values)
    except AthanorError as error:
        fuzz.check_message(str(error))
    except Exception as error:
        raise AssertionError(f"{case}: {type(error).__name__}") from error


def test_hurt_files(tmp_path: Path):
    rng, healthy, whole = fuzz.generator("lora files"), files(), tmp_path / "whole.safetensors"
    for number in range(fuzz.cases(500, 20)):
        layout = rng.choice(list(healthy))
        path = tmp_path / f"{number}.safetensors"
        hurt_file(path, *healthy[layout], rng)
        case = f"{layout} {number}, seed {fuzz.SEED}"
        with fuzz.no_hang(case):
            read(case, show, path)
            read(case, go_on, path, SETTINGS[layout])
            save_file(healthy[layout][0], whole, healthy[layout][1])
            read(
                case,
                edit,
                path,
                whole,
                rng.choice((None, RankRule(rank=2), RankRule(rank=3, method="sv_fro", target=0.9))),
            )
            assert is_whole(path) in (True, False) and isinstance(run_id_of(path) or "", str)
            assert all(isinstance(value, str) for value in safetensors_metadata(path).values())
        path.unlink()


def test_hurt_files_on_a_model(comfy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """XYZ Compare and LoRA Info with a model: put on by the stock loader, or one sentence."""
    import comfy.sd
    import tiny
    from athanor.training_core.host import lora as host_lora
    from athanor.training_core.host import lora_fit

    with torch.inference_mode():
        model = comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": torch.float32})
    network = build.create([Part(model.model.diffusion_model)], SETTINGS["kohya"], 0)
    kohya = {f"{lora.lora_name}.{k}": v.detach() for lora in network.loras for k, v in lora.state_dict().items()}
    dotted = {
        f"diffusion_model.{network.layers[lora.lora_name]}.lora_{ours}.weight": kohya[
            f"{lora.lora_name}.lora_{theirs}.weight"
        ]
        for lora in network.loras
        for ours, theirs in (("A", "down"), ("B", "up"))
    }
    monkeypatch.setattr("athanor.training_core.host.folders.is_lora", lambda path: True)
    rng = fuzz.generator("LoRA files on a model")
    for number in range(fuzz.cases(500)):
        path = tmp_path / f"{number}.safetensors"
        hurt_file(path, rng.choice((kohya, dotted)), {}, rng)
        case = f"{number}, seed {fuzz.SEED}"
        with fuzz.no_hang(case):
            read(case, host_lora.apply, model, None, path, 1.0)
        with fuzz.no_hang(case):
            read(case, host_lora.fit, model, None, path)
        with suppress(UnreadableFile):
            fuzz.check_message(lora_fit.by_names(safetensors_header(path)).words("x", "it"))
        path.unlink()


def test_names_of_any_text():
    rng, healthy = fuzz.generator("names of LoRA keys"), files()
    names = [key for tensors, _ in healthy.values() for key in tensors]
    for _ in range(fuzz.cases(5000)):
        key = rng.choice(names)
        for _ in range(rng.randrange(1, 4)):
            key = hurt_name(key, rng) or "x"
            if len(key) > 5000:
                break
        with fuzz.no_hang(key):
            found = lora_keys.split(key)
            lora_keys.embedding(key), weights.is_text(key), info.place(key)
        assert found is None or (found[0] and found[1])
