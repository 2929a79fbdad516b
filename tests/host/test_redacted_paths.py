"""Paths in sentences that leave this computer."""

from __future__ import annotations


def test_paths_below_the_hosts_folders_begin_there_and_others_stay_as_they_are(comfy, monkeypatch):
    """With --output-directory /data/output the root is /data, which is a part of many paths and names."""
    import folder_paths
    from athanor.training_core.host.redacted_paths import without_roots

    monkeypatch.setattr(folder_paths, "output_directory", "/data/output")
    for text, told in (
        ("/data/output/athanor/a.json is full.", "output/athanor/a.json is full."),
        ("'/data/loras/a' (/data/b)", "'loras/a' (b)"),
        ("sub/data/cat.safetensors", "sub/data/cat.safetensors"),
        ("/mnt/data/cat.png", "/mnt/data/cat.png"),
        ("C:/data/cat.png, ../data/a, b./data/a", "C:/data/cat.png, ../data/a, b./data/a"),
    ):
        assert without_roots(text) == told
