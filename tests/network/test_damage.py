"""LoRA files that are hurt, or of a form of their own: what can be shown is shown, what is broken is said, nothing raises."""

import json
from pathlib import Path

import pytest
import torch
from athanor.training_core import lora_keys
from athanor.training_core.network import chart, damage, describe, info, recover
from athanor.training_core.settings import NetworkSettings
from safetensors.torch import save_file


def layer(name: str, rank: int = 4, conv: bool = False, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    kernel = (3, 3) if conv else ()
    up, down = torch.ones(8, rank, *(1 for _ in kernel)), torch.ones(rank, 6, *kernel)
    pieces = {"lora_up.weight": up, "lora_down.weight": down, "alpha": torch.tensor(2.0), **more}
    return {f"{name}.{piece}": value for piece, value in pieces.items()}


def look(path: Path, tensors: dict[str, torch.Tensor], **metadata: str) -> tuple[info.LoraInfo, recover.Recovered, str]:
    """What LoRA Info makes of a file: all of it, and its text."""
    save_file({key: value.clone() for key, value in tensors.items()}, path, metadata or None)
    lora = info.read(path)
    found = recover.recover(lora.metadata, {x.part for x in lora.layers}, recover.of_layers(lora.layers))
    assert chart.norms(lora).width == 900
    return lora, found, describe.summary(lora, found)


def test_what_is_broken_is_counted_and_the_rest_is_shown(tmp_path: Path):
    """NaN weights were a ValueError, a missing piece a KeyError, alpha of two numbers a RuntimeError."""
    tensors = {key: value for i in range(6) for key, value in layer(f"lora_unet_blocks_{i}").items()}
    tensors["lora_unet_blocks_0.lora_up.weight"][0, 0] = torch.nan
    tensors["lora_unet_blocks_1.lora_down.weight"][0, 0] = torch.inf
    del tensors["lora_unet_blocks_2.lora_down.weight"]
    tensors["lora_unet_blocks_3.alpha"] = torch.ones(2)
    tensors["lora_unet_blocks_4.lora_down.weight"] = torch.ones(3, 6)
    lora, found, text = look(tmp_path / "a.safetensors", tensors)
    assert "broken: 2 of 6 layers hold NaN or infinity (lora_unet_blocks_0: lora_up.weight and 1 more)" in text
    assert "broken: 1 of 6 layers lacks a piece (lora_unet_blocks_2: no lora_down.weight)" in text
    assert "broken: 1 of 6 layers has no single alpha (lora_unet_blocks_3: 2 numbers in alpha)" in text
    assert "broken: 1 of 6 layers has pieces that do not fit (lora_unet_blocks_4: lora_up.weight is [8, 4]" in text
    assert [x.norm is None for x in lora.layers] == [True] * 5 + [False]
    assert (found.groups[NetworkSettings].rank, found.groups[NetworkSettings].alpha) == (4, 2)


@pytest.mark.parametrize(
    "pieces",
    [
        {"lora_down.weight": torch.ones(4, 6)}, {"lora_up.weight": torch.ones(())}, {"alpha": torch.ones(3)},
        {"lora_down.weight": torch.ones(()), "lora_up.weight": torch.ones(4)},
        {"lora_down.weight": torch.ones(0, 6), "lora_up.weight": torch.ones(8, 0)},
        {"lora_down.weight": torch.ones([1] * 80), "lora_up.weight": torch.ones(8, 1)},
        {"hada_w1_a": torch.ones(4, 4)}, {"lokr_w1_a": torch.ones(4, 4)}, {"lokr_w1": torch.ones(4)}, {"a1.weight": torch.ones(())},
        {f"hada_w{i}_{x}": torch.ones(4, 4 + i * (x == "b")) for i in (1, 2) for x in "ab"},
        {"oft_blocks": torch.ones(())}, {"w_norm": torch.tensor(torch.nan)}, {"on_input": torch.ones(1)}, {"weight": torch.ones(1)},
        {"lora_down.weight": torch.ones(4, 6), "lora_up.weight": torch.ones(8, 4), "lora_magnitude_vector": torch.ones(3)},
    ],
    ids=lambda pieces: " ".join(pieces),
)  # fmt: skip
def test_no_form_of_a_layer_raises(tmp_path: Path, pieces: dict[str, torch.Tensor]):
    name = "lora_unet_a" if "weight" not in pieces else "lora_a"
    if "weight" not in pieces:
        _, _, text = look(tmp_path / "a.safetensors", {f"{name}.{piece}": value for piece, value in pieces.items()})
        assert "broken: 1 of 1 layers" in text or "lokr_w1_a" in pieces
    assert damage.damage(pieces)


def test_a_product_too_large_to_form_is_left_out(tmp_path: Path):
    """A file of 2 MB would need terabytes for its norm: an outer product, and a rank of a million."""
    wide = {
        "lora_unet_a.lora_up.weight": torch.ones(200_000, 1),
        "lora_unet_a.lora_down.weight": torch.ones(1, 200_000),
    }
    deep = {
        "lora_unet_b.lora_up.weight": torch.ones(1, 200_000),
        "lora_unet_b.lora_down.weight": torch.ones(200_000, 1),
    }
    hada = {"lora_unet_c.hada_w1_a": torch.ones(200_000, 1), "lora_unet_c.hada_w1_b": torch.ones(1, 200_000)}
    hada |= {key.replace("w1", "w2"): value for key, value in hada.items()}
    lora, _, _ = look(tmp_path / "a.safetensors", wide | deep | hada)
    assert [x.norm for x in lora.layers] == [pytest.approx(200_000), pytest.approx(200_000), None]


def test_the_layers_tell_what_no_field_does(tmp_path: Path):
    """Without ss_ metadata the recovered Network was of rank 16, whatever the layers say."""
    plain = (
        layer("lora_unet_a") | layer("lora_unet_b") | layer("lora_unet_c", conv=True, rank=3) | layer("lora_te_a", 2)
    )
    _, found, text = look(tmp_path / "a.safetensors", plain)
    network = found.groups[NetworkSettings]
    assert (network.rank, network.alpha, network.conv_rank, network.conv_alpha) == (4, 2, 3, 2)
    assert network.train == "unet + text encoder" and network.algo == "lora" and not network.dora
    assert "read from the layers: rank 4, alpha 2.0, conv_rank 3" in text
    assert not {"ss_network_dim", "ss_network_alpha"} & set(found.missing) and "ss_unet_lr" in found.missing
    _, found, _ = look(tmp_path / "b.safetensors", plain, ss_network_dim="Dynamic", ss_network_alpha="1")
    assert (found.groups[NetworkSettings].rank, found.groups[NetworkSettings].alpha) == (4, 1)
    assert found.refused == (), "resized files tell Dynamic, whose ranks are read from the layers"
    factors = {f"lora_unet_a.lokr_{x}": torch.ones(2, 2) for x in ("w1", "w2")} | {
        "lora_unet_a.dora_scale": torch.ones(1, 4)
    }
    _, found, _ = look(tmp_path / "c.safetensors", factors)
    network = found.groups[NetworkSettings]
    assert (network.algo, network.rank, network.dora, network.wd_on_output) == ("lokr", 100000, True, False)


def test_tags_of_every_form_are_shown():
    """Counts as text were a TypeError of the minus sign, a tag without a folder an AttributeError."""
    told = {"10_cat": {"cat": "12", "dog": 3, "sky": 100.0, "x": None, "y": [1]}, "loose": 7, "flat": "9"}
    text = describe.tags({"ss_tag_frequency": told}).splitlines()
    assert text == [
        "10_cat",
        " 100.0  sky",
        "    12  cat",
        "     3  dog",
        "  None  x",
        "   [1]  y",
        "     9  flat",
        "     7  loose",
    ]
    for odd in ([], 3, None, "x"):
        assert describe.tags({"ss_tag_frequency": odd}) == "no tag frequency"
    assert describe.tags({"ss_tag_frequency": {"a": {"\\ud800": 1}}})
    assert describe.metadata(info.fields({"a": '{"b": "\\ud800"}', "athanor_job": "{}"})) == "a: {'b': '\\ud800'}"


def test_bundled_embeddings_are_no_unknown_keys(tmp_path: Path):
    assert [lora_keys.embedding(f"bundle_emb.{x}") for x in ("my.cat.clip_l", "cat.clip_g_out", "cat.string_to_param.*")] == [
        "my.cat", "cat", "cat",
    ]  # fmt: skip
    bundled = {"bundle_emb.cat.clip_l": torch.ones(2, 768), "bundle_emb.dog.clip_l": torch.ones(2, 768)}
    lora, _, text = look(tmp_path / "a.safetensors", layer("lora_unet_a") | bundled)
    assert lora.embeddings == ("cat", "dog") and not lora.strange and "2 bundled embeddings: cat, dog" in text


def test_metadata_of_any_form_does_no_harm(tmp_path: Path):
    """Deep JSON, numbers of thousands of digits, patterns that take for ever, members that are no text."""
    deep, digits = "[" * 900 + "]" * 900, "9" * 5000
    slow = {
        "transformer.alpha_pattern": {"(a+)+$": 1, "(a|a)" * 40 + "b": 1, ".*.*.*.*x": 1, "[": 1},
        "transformer.lora_alpha": 10**400,
    }
    fields = {
        "lora_adapter_metadata": json.dumps(slow).replace(str(10**400), "1e999"), "athanor_job": deep, "ss_tag_frequency": deep,
        "ss_resolution": f"({digits}, {digits})", "ss_network_dim": digits, "ss_network_args": json.dumps({"conv_dim": [1], "dropout": {}}),
        "ss_optimizer": "(" * 999, "athanor_trained": '{"network": {"rank": 3}, "a.b": 3}', "ss_network_alpha": "NaN", "x": '{"a": 1e999}',
    }  # fmt: skip
    _, found, text = look(tmp_path / "a.safetensors", layer("transformer." + "a" * 60 + ".b"), **fields)
    assert all(len(line) < 20_000 for line in text.splitlines())
    assert all(len(words) <= 120 for words in found.refused)


def test_peft_s_alphas_by_path_are_found_at_once():
    """One pattern for each of a thousand modules: compiled anew for each, they took a minute."""
    from athanor.training_core.network import peft

    paths = [f"transformer.blocks.{i}.attn.to_q" for i in range(1000)]
    adapter = {
        "transformer.lora_alpha": 8,
        "transformer.alpha_pattern": {path.partition(".")[2]: i for i, path in enumerate(paths)},
    }
    assert [peft.alpha(adapter, path, 4) for path in paths] == list(range(1000))
    patterns = {"^blocks.0": 1, r"blocks\.1": 2, r"blocks\.\d+\.x": 3, "mlp.*": 4, "^other|last": 5}
    adapter = {"lora_alpha": 9, "alpha_pattern": patterns}
    names = ("blocks.0", "a.blocks.0", "a.blocks.1", "a.blocks.17.x", "a.mlp.fc1", "b.last", "mid")
    assert [peft.alpha(adapter, name, 4) for name in names] == [1, 9, 2, 3, 4, 5, 9]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float8_e4m3fn])
def test_numbers_are_told_from_others_by_their_sum(dtype):
    """Which may overflow where no number does."""
    largest = torch.full((2, 3), torch.finfo(dtype).max).to(dtype)
    assert damage.is_finite(largest) and damage.is_finite(largest[:0])
    for bad in (float("nan"), float("inf"), -float("inf")):
        hurt = largest.float()
        hurt[0, 0], hurt[1, 1] = bad, -bad
        if dtype.itemsize > 1 or bad != bad:  # this format of 8 bits has no infinity
            assert not damage.is_finite(hurt.to(dtype))
