"""Pictures and captions that are sent from a browser or a script: where they come to lie, and what is refused in one sentence."""

from __future__ import annotations

import asyncio
import errno
import io
import itertools
import json
import zlib
from urllib.parse import quote

import pytest
import routes
from athanor.training_core.data import upload
from fuzz import no_hang
from PIL import Image

KIND = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def place(comfy, tmp_path_factory):
    """(the server's routes, ComfyUI's folder)."""
    base = tmp_path_factory.mktemp("upload")
    with pytest.MonkeyPatch.context() as patch:
        routes.comfyui_folders(base, patch)
        yield routes.table(patch), base


def png(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), colour).save(buffer, "PNG")
    return buffer.getvalue()


def sent(place, *files: tuple[str, str, bytes], query: str = "", headers=KIND) -> list[tuple[int, str]]:
    """Status, and state or sentence, of each (folder, file, content); one after another."""

    async def work(client):
        found = []
        for folder, file, data in files:
            address = f"/athanor/upload?folder={quote(folder, safe='')}&file={quote(file, safe='')}{query}"
            async with client.post(address, data=data, headers=headers) as got:
                told = json.loads(await got.text())
                found.append((got.status, told.get("error") or told["state"]))
        return found

    return routes.served(place[0], work)


def got(place, address: str):
    async def work(client):
        async with client.get(address) as answer:
            return json.loads(await answer.read())

    return routes.served(place[0], work)


def post(place, address: str, body: dict):
    async def work(client):
        async with client.post(address, json=body) as answer:
            return answer.status, json.loads(await answer.text())

    return routes.served(place[0], work)


def plan(place, folder: str, *files: object, **more):
    return post(place, "/athanor/upload/plan", {"folder": folder, "files": files, **more})


def test_a_folder_with_sub_folders_and_captions(place):
    """As kohya lays them out; a second time nothing changes, and another content needs a word."""
    files = [("cats", "10_sks cat/a.png", png()), ("cats", "10_sks cat/a.txt", b"a cat"), ("cats", "b.PNG", png())]
    assert sent(place, *files) == 3 * [(200, "new")]
    assert (place[1] / "input/cats/10_sks cat/a.txt").read_bytes() == b"a cat"
    assert sent(place, *files) == 3 * [(200, "same")]
    other = ("cats", "10_sks cat/a.txt", b"a dog")
    (told,) = sent(place, other)
    assert told == (409, "a.txt is there already, with other content: replace it, or give it another name.")
    assert sent(place, other, query="&replace=1") == [(200, "replaced")]
    body = {"folder": "cats", "files": ["10_sks cat/a.txt", "gone.png"]}
    assert post(place, "/athanor/upload/there", body) == (
        200,
        {"crc32": {"10_sks cat/a.txt": f"{zlib.crc32(b'a dog'):08x}"}},
    )
    assert post(place, "/athanor/upload/there", {"folder": "cats", "files": ["../x.png"]})[0] == 422
    assert not [name for name in routes.every_file(place[1]) if name.endswith(".tmp")]
    (row,) = (row for row in got(place, "/athanor/folders")["folders"] if row["folder"] == "cats")
    assert (row["pictures"], row["captions"], row["below"], row["place"]) == (2, 1, 0, "input")


def test_names_from_anywhere_stay_inside_and_can_be_opened_everywhere(place):
    before = routes.every_file(place[1].parent)
    for name in ("../x.png", "..\\x.png", "a/../../x.png", "/x.png", "C:\\x.png", "a//x.png", ""):
        ((status, sentence),) = sent(place, ("safe", name, png()))
        assert status == 422 and sentence.startswith("file "), name
        ((status, sentence),) = sent(place, (name.removesuffix("x.png") or "..", "x.png", png()))
        assert status == 422 and sentence.startswith("folder "), name
    for name in ("a/b/c/d/e/f/g/x.png", ".hidden.png", "run.sh", "a.npz", "a.gif", "a.png\0"):
        assert sent(place, ("safe", name, png()))[0][0] == 422, name
    assert routes.every_file(place[1].parent).keys() == before.keys()
    odd = (
        "CON.png",
        "a:b.png",
        "x" * 300 + ".png",
        "雪" * 150 + ".png",
        "dot..png",
        "sub\\y.png",
        "sub /z.txt",
        "😀.png",
    )
    assert sent(place, *(("safe", name, png() if name.endswith("png") else b"") for name in odd)) == 8 * [(200, "new")]
    lie = sorted(
        path.relative_to(place[1] / "input/safe").as_posix() for path in (place[1] / "input/safe").rglob("*.*")
    )
    assert {"_CON.png", "a_b.png", "dot..png", "sub/y.png", "sub/z.txt", "😀.png"} < set(lie)
    assert all(len(name.encode()) <= 204 for name in lie) and len(lie) == 8


@pytest.mark.parametrize("name", [".cats", "pets/.cats", "captions_backup"])
def test_no_folder_that_no_list_shows(place, name):
    ((status, sentence),) = sent(place, (name, "a.png", png()))
    assert status == 422 and sentence.startswith("folder ") and sentence.endswith("use another name.")
    assert plan(place, name, ("a.png", 9))[0] == 422 and not (place[1] / "input" / name).exists()


def test_what_a_file_holds_is_looked_at(place):
    archive = b"PK\x03\x04" + bytes(200)
    assert sent(
        place, ("kinds", "zip.png", archive), ("kinds", "a.png", b""), ("kinds", "a.txt", "é".encode("cp1252"))
    ) == [
        (422, "zip.png cannot be read: it is not a picture of a known format."),
        (422, "a.png cannot be read: it is not a picture of a known format."),
        (422, "a.txt is not UTF-8 text (it looks like Windows-1252); save it as UTF-8."),
    ]
    ((status, told),) = sent(place, ("kinds", "long.txt", b"a" * 1_100_000))
    assert status == 422 and told.startswith("long.txt: ") and "a caption may have" in told
    assert not list((place[1] / "input/kinds").iterdir())
    assert sent(place, ("kinds", "a.png", png()), headers={"Content-Type": "text/plain"})[0][0] == 400
    assert sent(place, ("kinds", "empty.txt", b"")) == [
        (200, "new")
    ]  # trained on an empty text, which is meant at times


def test_thousands_of_names_that_become_one(tmp_path):
    """Two minutes of a processor, when every number was tried anew for each."""
    files = [("".join(found) + ".png", 9) for found in itertools.product('<>:"|?*', repeat=4)]
    (tmp_path / "____.png").touch()
    for keep in ((), [name for name, _ in files]):
        with no_hang("names that become one"):
            plan = upload.planned(tmp_path, files, 100, keep)
        assert len({each.file for each in plan}) == len(files) == 7**4
        assert sum(each.there >= 0 for each in plan) == (not keep)


def test_a_plan_says_what_comes_where_and_what_is_left_out(place):
    sent(place, ("planned", "a.png", png()))
    status, told = plan(
        place, "planned", ("a.png", 9), ("a.txt", 5), ("A.png", 9), ("c?.png", 9), ("c?.txt", 9), ("x.psd", 9), ("n.zip", 1),
        ("e.png", 0), ("big.png", 2**40), ("big.txt", 2_000_000), ("sub/.DS_Store", 1), ("../a.png", 1),
    )  # fmt: skip
    assert status == 200 and (told["folder"], told["pictures"], told["room"]) == ("planned", 1, "")
    assert [(row["file"], row["there"]) for row in told["files"][:5]] == [
        ("a.png", len(png())), ("a.txt", -1), ("A-2.png", -1), ("c_.png", -1), ("c_.txt", -1)
    ]  # fmt: skip
    assert [row["why"] for row in told["files"][5:]] == [
        "neither a picture (png, jpg, webp, bmp, avif) nor a caption (txt, caption)" if name == "zip" else name
        for name in (
            ".psd is not read, convert it to png or jpg",
            "zip",
            "empty",
            "1024 GB are more than ComfyUI takes (--max-upload-size), which is 100 MB",
            "1.91 MB are more than a caption may have, which is 1.00 MB",
            "hidden",
            "file '../a.png' leads out of its folder: use a plain name, or sub/name.",
        )
    ]
    sent(place, ("planned", "b.png", png()))
    _, told = plan(place, "planned", ("a.png", 9), ("a.txt", 5), ("b.png", 9), keep=["a.png"])
    assert [row["file"] for row in told["files"]] == ["a-2.png", "a-2.txt", "b.png"]  # a caption stays with its picture


def test_plans_that_are_refused(place, monkeypatch):
    from athanor.training_core.data import upload

    (place[1] / "datasets/dogs").mkdir()
    (place[1] / "input/file.png").write_bytes(png())
    for folder, sentence in (
        ("dogs", "folder 'dogs' is one of the datasets already, which the new one would hide: use another name."),
        ("file.png", "folder 'file.png' is a file in ComfyUI's input folder: use another name."),
        (" ", "folder is empty: give a name."),
        ("../x", "folder '../x' leads out of its folder: use a plain name, or sub/name."),
    ):
        assert plan(place, folder, ("a.png", 9)) == (422, {"error": sentence})
    assert plan(place, "many", *(("a.png", 9) for _ in range(20_001)))[0] == 422
    for bad in (["a.png"], ["a.png", -1], ["a.png", True], [3, 3], "a.png"):
        assert plan(place, "bad", bad)[0] == 400
    monkeypatch.setattr(upload.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2**29}))
    _, told = plan(place, "large", *((f"{i}.png", 2**26) for i in range(5)))
    assert told["room"] == (
        "These files have 320 MB, and the disk of ComfyUI's input folder takes 256 MB: free some space."
    )


def test_five_thousand_names_are_planned_at_once(place):
    """Names are compared by sets: no file is opened, and each is looked for on disk once."""
    status, told = plan(place, "thousands", *((f"{i:04d}.{kind}", 9) for i in range(2500) for kind in ("png", "txt")))
    assert status == 200 and len({row["file"] for row in told["files"]}) == 5000


def test_two_that_send_the_same_name_at_once(place):
    """One of them is told; what lies there is whole."""

    async def work(client):
        async def one(colour):
            address = "/athanor/upload?folder=both&file=a.png"
            async with client.post(address, data=png(colour), headers=KIND) as answer:
                return answer.status

        return await asyncio.gather(*map(one, ("red", "green", "blue", "white")))

    assert sorted(routes.served(place[0], work)) == [200, 409, 409, 409]
    with Image.open(place[1] / "input/both/a.png") as image:
        image.load()


def test_a_file_that_breaks_off_or_does_not_fit_leaves_nothing(place, monkeypatch):
    from athanor.nodes import http

    async def cut(client):
        _, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"POST /athanor/upload?folder=cut&file=a.png HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n"
                     b"Content-Type: application/octet-stream\r\n\r\n" + png())  # fmt: skip
        await writer.drain()
        while not list(place[1].glob("input/cut/.*")):
            await asyncio.sleep(0.01)
        writer.close()
        while list(place[1].glob("input/cut/.*")):
            await asyncio.sleep(0.01)

    routes.served(place[0], cut)
    assert not list((place[1] / "input/cut").iterdir())
    monkeypatch.setattr(http, "longest_file", lambda _: 50)
    (told,) = sent(place, ("cut", "a.png", png()))
    assert told[0] == 413 and told[1].endswith("the 0.05 KB that ComfyUI takes (--max-upload-size)")
    monkeypatch.undo()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(http, "open", full, raising=False)
    ((status, sentence),) = sent(place, ("cut", "a.png", png()))
    assert (status, sentence) == (507, "The disk is full (input/cut/a.png): free some space.")
    assert not list((place[1] / "input/cut").iterdir())


def test_owners_links_are_followed_and_replaced_as_links(place):
    """A folder that the owner has linked into input takes files; a file that is a link is never written through."""
    base = place[1]
    (base / "drive").mkdir()
    (base / "drive" / "secret.png").write_bytes(png("black"))
    (base / "input" / "linked").symlink_to(base / "drive", target_is_directory=True)
    (base / "drive" / "a.png").symlink_to(base / "drive" / "secret.png")
    assert sent(place, ("linked", "b.png", png()), ("linked/../input", "b.png", png()))[0] == (200, "new")
    assert (base / "drive" / "b.png").is_file()
    assert sent(place, ("linked", "a.png", png()))[0][0] == 409
    assert sent(place, ("linked", "a.png", png()), query="&replace=1") == [(200, "replaced")]
    assert (base / "drive" / "secret.png").read_bytes() == png("black") and not (base / "drive/a.png").is_symlink()


def test_one_folder_with_its_numbers_pictures_and_namesakes(place):
    sent(place, ("shown", "2_x/a.png", png()), ("shown", "2_x/a.txt", b"a"), ("shown", "deep/b.png", png()))
    told = got(place, "/athanor/folders/one?folder=shown")
    assert (told["pictures"], told["captions"], told["below"], told["shown"]) == (1, 1, 1, ["2_x/a.png"])
    assert got(place, "/athanor/folders/one?folder=shown&caption_extension=caption")["captions"] == 0
    assert got(place, "/athanor/folders/one?folder=shown&control_folder=deep")["controls"] == 1
    for nowhere in ("", "nowhere", ".", ".."):
        assert "controls" not in got(place, f"/athanor/folders/one?folder=shown&control_folder={nowhere}")
    missing = got(place, "/athanor/folders/one?folder=shwon")
    assert missing["nearest"][0] == "shown" and missing["why"].startswith("folder 'shwon' is not in")

    async def work(client):
        found = []
        for file in ("2_x/a.png", "2_x/a.txt", "../planned/a.png", "../../x.png", "", "n" * 300 + ".png"):
            async with client.get(f"/athanor/folders/thumbnail?folder=shown&file={quote(file)}") as answer:
                found.append((answer.status, answer.content_type))
        return found

    assert routes.served(place[0], work) == [(200, "image/jpeg"), *5 * [(404, "application/json")]]
