"""The SHA-256 of a checkpoint's file, which other programs know it by."""

import hashlib
import json
import os
from pathlib import Path


def test_a_file_is_read_once_until_it_changes(comfy, tmp_path: Path, monkeypatch):
    from athanor.training_core.host import file_hash, folders

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "user" / "cache")
    path, kept = tmp_path / "base.safetensors", tmp_path / "user" / "file_hashes.json"
    path.write_bytes(b"a" * 5_000_000)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert file_hash.FileHash(path).wait() == digest
    kept.write_text(kept.read_text().replace(digest, "known"))
    assert file_hash.sha256(path) == "known"  # not read again
    os.utime(path, (1, 1))
    assert file_hash.sha256(path) == digest
    for hurt in ("[]", "{", json.dumps({str(path): 3}), json.dumps({str(path): [5_000_000, 10**9]})):
        kept.write_text(hurt)
        assert file_hash.sha256(path) == digest
    assert file_hash.FileHash(tmp_path / "gone").wait() == file_hash.FileHash(None).wait() == ""


def test_other_metadata_makes_no_other_file(comfy, tmp_path: Path, monkeypatch):
    """A file's identities outlast its header: a run that continues it, and pictures drawn with it, stay theirs."""
    import torch
    from athanor.training_core.host import fingerprint, folders, same_file
    from athanor.training_core.network.files import save_lora

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "user" / "cache")
    monkeypatch.setattr(folders, "is_lora", lambda path: True)
    path = tmp_path / "a.safetensors"
    save_lora(path, {"a": torch.zeros(3)}, {"prompt": "x"})
    before = fingerprint.file(path), same_file.content(path)
    assert before[1] == hashlib.sha256(path.read_bytes()).hexdigest()
    for metadata in ({"a": "b"}, {"c": "d" * 99}):
        fingerprint.write_metadata(path, metadata)
        assert (fingerprint.file(path), same_file.content(path)) == before
    save_lora(path, {"a": torch.ones(3)}, {})
    assert fingerprint.file(path) != before[0] and same_file.content(path) != before[1]
    for hurt in ("[]", "{", json.dumps({str(path): 3}), json.dumps({str(path): {"stamp": None}})):
        (tmp_path / "user" / "rewritten_files.json").write_text(hurt)
        assert same_file.content(path) == hashlib.sha256(path.read_bytes()).hexdigest()
