"""A safetensors file with other metadata: the same tensors, the right hashes, whole or not at all."""

import hashlib
from pathlib import Path

import pytest
import torch
from athanor.training_core.files import UnreadableFile, read_safetensors
from athanor.training_core.network.files import save_lora
from athanor.training_core.safetensors_copy import write_with_metadata
from safetensors.torch import save

TENSORS = {"b": torch.arange(700_000, dtype=torch.float16), "a": torch.ones(3), "é": torch.zeros(0)}


def legacy_hash(told: dict[str, str]) -> str:
    """As sd-scripts computes it, with the whole file in memory."""
    data = save(dict(TENSORS), metadata={key: value for key, value in told.items() if key.startswith("ss_")})
    return hashlib.sha256(data[0x100000 : 0x100000 + 0x10000]).hexdigest()[:8]


@pytest.mark.parametrize("told", [{"ss_x": "1" * 50_000, "y": 'ü\n\t"\\\x01 /'}, {}, {"modelspec.title": "t"}])
def test_tensors_stay_and_the_legacy_hash_is_that_of_the_new_file(tmp_path: Path, told):
    source, target = tmp_path / "a.safetensors", tmp_path / "sub" / "b.safetensors"
    save_lora(source, TENSORS, {"ss_old": "x", "prompt": "secret"})
    old = read_safetensors(source)[1]
    assert old["sshs_legacy_hash"] == legacy_hash({"ss_old": "x"})
    kept = {key: old[key] for key in ("sshs_model_hash", "sshs_legacy_hash")}
    write_with_metadata(source, target, told | kept)
    tensors, metadata = read_safetensors(target)
    assert {name: value.tolist() for name, value in tensors.items()} == {n: v.tolist() for n, v in TENSORS.items()}
    assert metadata == told | kept | {"sshs_legacy_hash": legacy_hash(told)}
    assert b"secret" not in target.read_bytes()


def test_a_file_takes_its_own_place_and_a_cut_one_stays(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    save_lora(path, TENSORS, {})
    write_with_metadata(path, path, {})
    assert read_safetensors(path)[1] == {} and list(tmp_path.iterdir()) == [path]
    cut = path.read_bytes()[:-1]
    path.write_bytes(cut)
    with pytest.raises(UnreadableFile, match="bytes"):
        write_with_metadata(path, path, {"x": "y"})
    assert path.read_bytes() == cut
