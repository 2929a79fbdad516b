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
