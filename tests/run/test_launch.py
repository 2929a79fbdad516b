"""Several processes of one run, as the one that launched them sees them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.mark.parametrize(
    "owner", ['{"pid": -1}', '{"pid": 0}', '{"pid": 1}', '{"pid": "7"}', '{"pid": true}', "[", "{}"]
)
def test_a_damaged_owner_interrupts_nobody_else(tmp_path, monkeypatch, owner):
    """0 and -1 mean groups of processes, down to all that this user may end."""
    from athanor.training_core.run import launch

    ended, signalled = [], []
    monkeypatch.setattr(launch.os, "kill", lambda *process: signalled.append(process))
    (tmp_path / "owner.json").write_text(owner)
    launched = SimpleNamespace(terminate=lambda: ended.append(1), wait=lambda seconds: 0)
    launch._end(launched, tmp_path)
    assert ended == [1] and not signalled
    (tmp_path / "owner.json").write_text(json.dumps({"pid": 12345}))
    launch._end(launched, tmp_path)
    assert len(signalled) == (launch.os.name == "posix")
