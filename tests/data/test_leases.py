"""What live runs need of a shared cache."""

from pathlib import Path

from athanor.training_core.data.leases import Lease
from filelock import FileLock


def test_a_disk_without_locks_has_no_leases(tmp_path: Path, monkeypatch):
    """Nothing is promised there, and a lease from a computer that has locks is left alone."""
    other = Lease(tmp_path)
    other.hold(["a"])

    def acquire(*_: object, **__: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(FileLock, "acquire", acquire)
    lease = Lease(tmp_path)
    lease.hold(["b"])
    assert lease.of_others() == {"a"} and len(list(tmp_path.glob("*.json"))) == 1
    lease.release()
    other.release()
    assert not list(tmp_path.glob("*.json"))
