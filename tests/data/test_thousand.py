"""Must-show: 1,000 pictures of 60 sizes, ten of them broken, in whatever order the file system lists them."""

from pathlib import Path

import numpy as np
import pytest
from athanor.training_core.data.plan import epoch_plan, sort_into_buckets
from athanor.training_core.data.scan import scan
from athanor.training_core.settings import BucketSettings, DatasetSettings, TrainingSettings
from PIL import Image

BROKEN = {
    "b0.png": lambda good: b"",
    "b1.jpg": lambda good: good["jpg"][: len(good["jpg"]) // 2],
    "b2.png": lambda good: good["png"][: len(good["png"]) // 2],
    "b3.webp": lambda good: good["webp"][:40],
    "b4.png": lambda good: b"<html>not found</html>",
    "b5.jpg": lambda good: b"\xff\xd8\xff\xe0" + bytes(100),
    "b6.bmp": lambda good: good["bmp"][:60],
    "b7.png": lambda good: good["png"][:33] + bytes(64) + good["png"][97:],
    "b8.png": lambda good: good["bomb"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Nine broken pictures, and one whose caption is."""
    folder = tmp_path_factory.mktemp("thousand") / "3_thing"
    folder.mkdir()
    rng = np.random.default_rng(0)
    sizes = [(int(w), int(h)) for w, h in rng.integers(64, 320, (60, 2))]
    texture = Image.fromarray(rng.integers(0, 255, (80, 80, 3), dtype=np.uint8)).resize((320, 320))
    for i in range(990):
        path = folder / f"{i:04}.{('png', 'jpg', 'webp', 'bmp')[i % 4]}"
        if i < 60:
            texture.crop((0, 0, *sizes[i])).save(path)
        else:  # of the same size, in the same format
            path.write_bytes((folder / f"{i % 60:04}{path.suffix}").read_bytes())
        (folder / f"{i:04}.txt").write_text(f"tag{i % 7}, tag{i % 11}, picture {i}")
    good = {s: next(folder.glob(f"*.{s}")).read_bytes() for s in ("png", "jpg", "webp", "bmp")}
    Image.new("1", (20000, 20000)).save(folder / "bomb.png")
    good["bomb"] = (folder / "bomb.png").read_bytes()
    (folder / "bomb.png").unlink()
    for name, make in BROKEN.items():
        (folder / name).write_bytes(make(good))
    (folder / "b9.png").write_bytes(good["png"])
    (folder / "b9.txt").write_bytes("女の子".encode("shift_jis"))
    return folder.parent


def test_a_thousand_pictures(folder: Path, monkeypatch):
    settings = DatasetSettings(folder="x", shuffle_caption=True, flip_aug=True)
    shape = BucketSettings(width=512, height=512, batch_size=4)
    first = sort_into_buckets(scan(settings, folder), shape)
    assert len(first.dataset.pictures) == 990 and len({p.size for p in first.dataset.pictures}) >= 59
    named = {w.split()[0].removeprefix("3_thing/") for w in first.dataset.warnings}
    assert named == {*BROKEN, "b9.png"} and len(first.dataset.warnings) == 10
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: sorted(listed(self), reverse=True))
    again = sort_into_buckets(scan(settings, folder), shape)
    training = TrainingSettings(seed=5)
    assert [epoch_plan(first, training, e) for e in range(2)] == [epoch_plan(again, training, e) for e in range(2)]
    assert first.dataset.fingerprint == again.dataset.fingerprint
