"""LoRA files made of others: what is in them, what they tell of themselves, and what is refused before any work."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from athanor.training_core.edit import build, recipe, told
from athanor.training_core.edit.build import Source, Wanted
from athanor.training_core.edit.change import dense
from athanor.training_core.edit.opened import opened
from athanor.training_core.edit.svd import RankRule
from athanor.training_core.errors import AthanorError
from athanor.training_core.files import safetensors_metadata
from athanor.training_core.network import describe, info, recover
from athanor.training_core.network.files import file_hash, save_lora
from safetensors.torch import load_file, save_file

LAYERS = ("lora_unet_mid_block_attentions_0_proj_in", "lora_te_text_model_encoder_layers_0_mlp_fc1")
TRAINED = {
    "ss_network_dim": "4", "ss_network_alpha": "2.0", "ss_network_module": "networks.lora", "ss_learning_rate": "0.0001",
    "ss_base_model_version": "sd_v1", "ss_output_name": "a", "athanor_job": "{}", "sshs_model_hash": "ab", "modelspec.title": "a",
}  # fmt: skip


def lora(
    path: Path,
    seed: int,
    rank: int = 4,
    alpha: float = 2.0,
    dtype: torch.dtype = torch.float32,
    peft: bool = False,
    **more: str,
) -> Path:
    """A file of two layers, one of the text encoder."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for layer in LAYERS:
        if peft:
            layer = layer.replace("lora_te_", "text_encoder.").replace("lora_unet_", "unet.")
        up, down = ("lora_B.weight", "lora_A.weight") if peft else ("lora_up.weight", "lora_down.weight")
        tensors[f"{layer}.{up}"] = torch.randn(12, rank, generator=generator).to(dtype)
        tensors[f"{layer}.{down}"] = torch.randn(rank, 10, generator=generator).to(dtype)
        tensors |= {} if peft else {f"{layer}.alpha": torch.tensor(alpha)}
    save_file(tensors, path, {**TRAINED, "ss_output_name": path.stem, **more})
    return path


def changes(path: Path) -> dict[str, torch.Tensor]:
    with opened([path]) as (file,):
        return {layer: dense(file.pieces(layer)) for layer in file.layers}


def written(tmp_path: Path, wanted: Wanted) -> Path:
    made = build.make(wanted)
    path = tmp_path / "result.safetensors"
    recipe.write(path, made, wanted, recipe.recipe(wanted))
    return path


def test_a_merge_is_the_sum_and_says_so(tmp_path: Path):
    one, other = (
        lora(tmp_path / "a.safetensors", 1),
        lora(tmp_path / "b.safetensors", 2, rank=3, alpha=3.0, ss_learning_rate="0.1"),
    )
    wanted = Wanted(sources=(Source(path=one, weight=0.5), Source(path=other, weight=-1.5)))
    path = written(tmp_path, wanted)
    first, second = changes(one), changes(other)
    for layer, change in changes(path).items():
        torch.testing.assert_close(change, 0.5 * first[layer] - 1.5 * second[layer], rtol=0, atol=1e-5)
    told = safetensors_metadata(path)
    assert told["ss_network_dim"] == "7"
    assert told["ss_base_model_version"] == "sd_v1"
    assert "ss_learning_rate" not in told  # the two have been trained with different ones
    assert "athanor_job" not in told
    assert (told["ss_output_name"], told["modelspec.merged_from"]) == ("result", "a, b")
    assert json.loads(told[recipe.KEY])["from"][1] == {"file": "b.safetensors", "weight": -1.5, "hash": "ab"}
    assert told["sshs_model_hash"] not in ("ab", "")
    assert recipe.is_same(path, recipe.recipe(wanted))
    assert not recipe.is_same(path, recipe.recipe(Wanted(sources=wanted.sources, precision="fp16")))
    text = describe.summary(info.read(path), recover.recover(told))
    assert "rank 7" in text and "made of a.safetensors (0.5), b.safetensors (-1.5)" in text


def test_the_self_check_measures_what_is_written(tmp_path: Path):
    one, other = (lora(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2))
    wanted = Wanted(sources=(Source(path=one), Source(path=other)), rule=RankRule(rank=3), precision="bf16")
    made = build.make(wanted)
    first, second = changes(one), changes(other)
    path = written(tmp_path, wanted)
    for layer, change in changes(path).items():
        total = first[layer] + second[layer]
        told = next(each for each in made.layers if each.name == layer)
        assert told.error == pytest.approx(float((change - total).norm() / total.norm()), rel=1e-4)
        assert told.rank == 3
    assert 0.1 < made.error < 0.9
    assert safetensors_metadata(path)["ss_network_dim"] == "3"


def test_without_anything_to_do_the_file_stays_as_it_is(tmp_path: Path):
    one = lora(tmp_path / "a.safetensors", 1, dtype=torch.float16)
    path = written(tmp_path, Wanted(sources=(Source(path=one),)))
    before, after = changes(one), changes(path)
    assert all(torch.equal(before[layer], after[layer]) for layer in before)
    told = safetensors_metadata(path)
    assert (told["ss_network_alpha"], told["athanor_job"]) == ("2.0", "{}")
    half = written(tmp_path, Wanted(sources=(Source(path=one, weight=0.5),)))
    assert all(torch.equal(before[layer] * 0.5, change) for layer, change in changes(half).items())
    assert safetensors_metadata(half)["ss_network_alpha"] == "1.0"


def test_blocks_are_left_out_and_scaled(tmp_path: Path):
    one = lora(tmp_path / "a.safetensors", 1)
    unet = LAYERS[0]
    path = written(tmp_path, Wanted(sources=(Source(path=one),), blocks="mid 0.25, te 0"))
    assert changes(path).keys() == {unet}
    assert torch.equal(changes(path)[unet], 0.25 * changes(one)[unet])
    with pytest.raises(AthanorError, match="has no block 'OUT03'; it has te1, MID"):
        build.make(Wanted(sources=(Source(path=one),), blocks="OUT03 0.5"))
    with pytest.raises(AthanorError, match="Nothing is left"):
        build.make(Wanted(sources=(Source(path=one),), blocks="all 0"))


def test_ranks_by_energy_are_told_as_dynamic(tmp_path: Path):
    """LoRA Info reads the ranks from the layers then, and does not call Dynamic a setting that it lacks."""
    one = lora(tmp_path / "a.safetensors", 1)
    path = written(tmp_path, Wanted(sources=(Source(path=one),), rule=RankRule(rank=4, method="sv_ratio", target=1.5)))
    told = safetensors_metadata(path)
    assert (told["ss_network_dim"], told["ss_network_alpha"]) == ("Dynamic", "Dynamic")
    found = info.read(path)
    back = recover.recover(told, shown=recover.of_layers(found.layers))
    assert not back.refused and back.from_layers[0].startswith("rank ")


@pytest.mark.parametrize("value", ["1e400", "1" + "0" * 400, '"x"', "null", "[]", "-1", "NaN"])
def test_a_recipe_of_any_form_is_shown(tmp_path: Path, value: str):
    odd = f'{{"from": [{value}, {{"file": {value}}}], "check": {{"difference": {value}, "largest": {value}, "layer": {value}}}}}'
    path = lora(tmp_path / "a.safetensors", 1, athanor_edit=odd)
    assert "made of" in describe.summary(info.read(path), recover.recover({})) or value in ("1e400", "NaN")
    assert told.again(path)
    assert isinstance(recipe.difference_of(path), float) and recipe.originals_of(path) == []


def test_what_should_be_known_is_told(tmp_path: Path):
    one = lora(tmp_path / "a.safetensors", 1)
    other = lora(tmp_path / "b.safetensors", 1, ss_base_model_version="sdxl", lora_adapter_metadata='{"r": 4}')
    said = recipe.notes(Wanted(sources=(Source(path=one), Source(path=other))))
    assert "sd_v1, sdxl" in said[0] and "b.safetensors has PEFT's settings" in said[1]
    assert not recipe.notes(Wanted(sources=(Source(path=one),)))


def test_peft_files_stay_peft_files(tmp_path: Path):
    one, other = (lora(tmp_path / f"{seed}.safetensors", seed, peft=True) for seed in (1, 2))
    path = written(tmp_path, Wanted(sources=(Source(path=one, weight=0.5), Source(path=other, weight=2.0))))
    with opened([path]) as (file,):
        assert file.keys[LAYERS[0]] == {
            "lora_up.weight": "unet.mid_block_attentions_0_proj_in.lora_B.weight",
            "lora_down.weight": "unet.mid_block_attentions_0_proj_in.lora_A.weight",
        }
    first, second = changes(one), changes(other)
    for layer, change in changes(path).items():
        torch.testing.assert_close(change, 0.5 * first[layer] + 2 * second[layer], rtol=0, atol=1e-5)


@pytest.mark.parametrize("pieces", [("w_norm", "b_norm"), ("diff_b",)])
def test_a_layer_that_has_trained_its_norm_or_bias_alone(tmp_path: Path, pieces: tuple[str, ...]):
    """It was refused: "none of its pieces is known", and with it each file of a network with train_norm."""
    path = tmp_path / "norm.safetensors"
    save_file({f"{LAYERS[0]}.{piece}": torch.ones(12) for piece in pieces}, path)
    made = build.make(Wanted(sources=(Source(path=path, weight=0.5), Source(path=lora(tmp_path / "a.safetensors", 1)))))
    alone = build.make(Wanted(sources=(Source(path=path, weight=0.5),), precision="bf16"))
    for each in (made, alone):
        assert all(torch.equal(each.tensors[f"{LAYERS[0]}.{piece}"], torch.full((12,), 0.5)) for piece in pieces)
        assert each.error < 1e-6


def test_pieces_without_axes_are_told(tmp_path: Path):
    """The index of a shape that is none was an error of the node's own."""
    for number, (broken, words) in enumerate((("lora_down.weight", "do not fit"), ("hada_w1_a", "do not fit"))):
        path = tmp_path / f"{number}.safetensors"
        tensors = {"hada_w1_b": torch.ones(2, 3), "hada_w2_a": torch.ones(4, 2), "hada_w2_b": torch.ones(2, 3)}
        tensors = tensors if "hada" in broken else {"lora_up.weight": torch.ones(4, 2)}
        tensors = {f"{LAYERS[0]}.{piece}": value for piece, value in (tensors | {broken: torch.tensor(1.0)}).items()}
        save_file(tensors | {f"{LAYERS[1]}.diff": torch.ones(2, 2)}, path)
        with pytest.raises(AthanorError, match=words):
            build.make(Wanted(sources=(Source(path=path, weight=0.5),)))
        left = Wanted(sources=(Source(path=path),), blocks="te")
        assert build.make(left).error == 0 and told.originals(left)


def test_norms_of_8_bits_are_read(tmp_path: Path):
    path = tmp_path / "dora.safetensors"
    tensors = load_file(lora(path, 1)) | {f"{layer}.dora_scale": torch.ones(12, 1) for layer in LAYERS}
    save_file({key: value.to(torch.float8_e4m3fn) for key, value in tensors.items()}, path)
    made = build.make(Wanted(sources=(Source(path=path),)))
    assert made.tensors[f"{LAYERS[0]}.dora_scale"].dtype == torch.float32


def test_progress_may_stop_the_work(tmp_path: Path):
    seen = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.make(Wanted(sources=(Source(path=lora(tmp_path / "a.safetensors", 1)),)), stop)
    assert seen == [(0, 2), (1, 2)]


def test_what_cannot_be_added_is_told_before_a_tensor_is_read(tmp_path: Path):
    one = lora(tmp_path / "a.safetensors", 1)
    wide, oft, nan, other = (tmp_path / f"{name}.safetensors" for name in ("wide", "oft", "nan", "other"))
    save_file(
        {f"{LAYERS[0]}.lora_up.weight": torch.ones(12, 1), f"{LAYERS[0]}.lora_down.weight": torch.ones(1, 99)}, wide
    )
    save_file({f"{LAYERS[0]}.oft_blocks": torch.ones(2, 3, 3)}, oft)
    save_file({f"{LAYERS[0]}.diff": torch.full((12, 10), torch.nan)}, nan)
    save_file({"lora_unet_double_blocks_0_img_attn_qkv.diff": torch.ones(2, 2)}, other)
    for path, words in (
        (wide, r"12 x 10 in a.safetensors, 12 x 99 in wide.safetensors"),
        (oft, "cannot be scaled, resized or added up, because it rotates"),
        (nan, r"nan.safetensors is broken: .* NaN or infinity"),
        (other, "no layer of the same name"),
    ):
        with pytest.raises(AthanorError, match=words):
            build.make(Wanted(sources=(Source(path=one), Source(path=path))))
    large = tmp_path / "large.safetensors"
    save_file({f"{LAYERS[0]}.diff": torch.full((2, 2), 1e6)}, large)
    with pytest.raises(AthanorError, match="too large for fp16"):
        build.make(Wanted(sources=(Source(path=large),), precision="fp16"))


def test_a_file_without_a_hash_is_known_by_its_content(tmp_path: Path):
    """A LoRA of another trainer that was trained anew has the same name and size: the old result had passed for its own."""
    made = {}
    for seed in (1, 2):
        file = save_plain(tmp_path / "plain.safetensors", seed)
        made[seed] = recipe.recipe(Wanted(sources=(Source(path=file, weight=0.5),)))
    again = recipe.recipe(Wanted(sources=(Source(path=save_plain(tmp_path / "plain.safetensors", 2), weight=0.5),)))
    assert made[1] != made[2] == again
    whole = lora(tmp_path / "a.safetensors", 1)
    tensors = load_file(whole)
    digest = save_lora(tmp_path / "told.safetensors", tensors, {})
    assert (
        file_hash(tmp_path / "told.safetensors")
        == digest
        == safetensors_metadata(tmp_path / "told.safetensors")["sshs_model_hash"]
    )


def save_plain(path: Path, seed: int) -> Path:
    lora(path, seed)
    save_file(load_file(path), path)
    os.utime(path, ns=(seed, seed))  # as a later training has it
    return path


def test_layers_with_no_part_in_their_names_are_refused_in_a_sentence(tmp_path: Path):
    files = []
    for name in ("one", "two"):
        tensors = {f"{name}.lora_up.weight": torch.ones(4, 2), f"{name}.lora_down.weight": torch.ones(2, 4)}
        save_file(tensors, tmp_path / f"{name}.safetensors")
        files.append(Source(path=tmp_path / f"{name}.safetensors"))
    with pytest.raises(AthanorError, match="have no layer of the same name"):
        build.make(Wanted(sources=tuple(files)))


def test_a_file_without_some_of_its_blocks_is_not_the_network_that_was_trained(tmp_path: Path):
    """The rest is copied as it was, and the file had passed for the whole training's."""
    one = lora(tmp_path / "a.safetensors", 1)
    assert "athanor_job" in safetensors_metadata(written(tmp_path, Wanted(sources=(Source(path=one),))))
    assert "athanor_job" not in safetensors_metadata(
        written(tmp_path, Wanted(sources=(Source(path=one),), blocks="te 0"))
    )
    assert "athanor_job" not in safetensors_metadata(written(tmp_path, Wanted(sources=(Source(path=one, text=0.0),))))
