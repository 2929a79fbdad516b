"""What the chooser tells of folders: counts by names alone, however links lead."""

from __future__ import annotations

import os
from pathlib import Path

from athanor.training_core.data import listing


def files(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def listed(root: Path, **more) -> dict[str, tuple[int, int, int]]:
    return {h.folder: (h.pictures, h.captions, h.below) for h in listing.Listings().below(root, **more)[0]}


def test_masks_and_control_pictures_are_not_forgotten_ones(tmp_path: Path):
    files(tmp_path, "a.png", "masks/a.png", "Control/2_x/a.png", "more/b.png")
    held = listing.Listings().of(tmp_path)
    assert (held.pictures, held.below) == (1, 1)  # of `more` alone


def test_folders_are_counted_as_a_dataset_loader_reads_them(tmp_path: Path):
    files(
        tmp_path,
        *(
            "loose.png",
            "cats/a.PNG",
            "cats/a.txt",
            "cats/b.webp",
            "cats/.c.png",
            "cats/masks/a.png",
            "cats/control/2_x/a.png",
        ),
        *("kohya/10_sks cat/a.png", "kohya/10_sks cat/a.txt", "kohya/2_cat/b_1_2_3_4.png", "kohya/2_cat/b.txt"),
        *("nested/one/a.png", "nested/two/deep/b.png", "notes/a.txt", "cats/captions_backup/x/a.png", ".git/a.png"),
        "10_alone/a.jpg",
    )
    assert listed(tmp_path) == {
        "cats": (2, 1, 0),
        "kohya": (2, 2, 0),
        "10_alone": (1, 0, 0),
        "nested": (0, 0, 2),
        "nested/one": (1, 0, 0),
        "nested/two": (0, 0, 1),
        "nested/two/deep": (1, 0, 0),
    }
    assert listed(tmp_path, extension=".caption")["cats"] == (2, 0, 0)
    os.utime(tmp_path / "kohya" / "2_cat", (2e9, 2e9))
    newest = listing.Listings().below(tmp_path)[0][0]
    assert (newest.folder, newest.time) == ("kohya", 2e9)
    assert listing.spread("abcdefgh", 3) == ["a", "c", "f"] and listing.spread("ab", 6) == ["a", "b"]


def test_links_lead_round_in_circles_and_each_folder_is_counted_once(tmp_path: Path):
    """A link to its own parent made a walk without end elsewhere."""
    files(tmp_path, "input/cats/a.png", "drive/more/b.png")
    for name, to in (("input/cats/up", "input"), ("input/cats/self", "input/cats/self"), ("input/again", "input/cats"),
                     ("input/linked", "drive"), ("drive/more/back", "drive")):  # fmt: skip
        (tmp_path / name).symlink_to(tmp_path / to)
    assert listed(tmp_path / "input") == {"cats": (1, 0, 0), "linked": (0, 0, 1), "linked/more": (1, 0, 0)}


def test_a_listing_is_bounded_and_reads_only_what_has_changed(tmp_path: Path, monkeypatch):
    files(tmp_path, *(f"{i:02d}/a.png" for i in range(9)), "a/b/c/d/e/f/g/h/a.png")
    for folder in (tmp_path, *tmp_path.iterdir()):
        os.utime(folder, (1e9, 1e9))
    read = []
    real = listing._read
    monkeypatch.setattr(listing, "_read", lambda folder, *more: read.append(folder.name) or real(folder, *more))
    listings = listing.Listings()
    found, more = listings.below(tmp_path)
    assert len(found) == 9 and not more and "h" not in read
    read.clear()
    files(tmp_path, "03/b.png")
    assert {h.pictures for h in listings.below(tmp_path)[0]} == {1, 2}
    assert {"00", "08"}.isdisjoint(read) and "03" in read
    monkeypatch.setattr(listing, "MOST_FOLDERS", 4)
    found, more = listings.below(tmp_path)
    assert len(found) == 3 and more
    assert listings.below(tmp_path, seconds=-1) == ([], True)
