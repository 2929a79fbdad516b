"""Files are written whole or not at all."""

import errno
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import athanor
import fuzz
import pytest
from athanor.training_core.errors import AthanorError, FileError
from athanor.training_core.files import (
    UnreadableFile,
    append_line,
    read_json,
    read_lines,
    read_safetensors,
    safetensors_header,
    safetensors_metadata,
    write_atomically,
    write_json,
)
from athanor.training_core.json_text import load_json


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    """A full disk, wherever that is: the old content stays, and no half-written file."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(temporary: Path) -> None:
        temporary.write_bytes(b"ha")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="The disk is full"):
        write_atomically(path, full)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    write_atomically(path, lambda temporary: temporary.write_bytes(b"new"))
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]


def test_what_the_system_says_of_a_file_is_one_sentence_that_names_it(tmp_path: Path, monkeypatch):
    """Python's own error for a write that fails names no file, and one of a temporary file names that."""

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.bin"
    (tmp_path / "folder").mkdir()
    gone = tmp_path / "gone" / "log"
    tries: list[tuple[Callable[[], object], str, str]] = [
        (lambda: write_atomically(path, full), str(path), "The disk is full"),
        (lambda: append_line(gone, "x"), str(gone), "its folder is not there any more"),
        (lambda: write_json(tmp_path / f"{'x' * 250}.json", {}), "xxx.json", "too long"),
        (lambda: write_json(tmp_path / "folder", {}), str(tmp_path / "folder"), "cannot be written"),
        (lambda: write_json(path / "b.json", {}), str(path), "cannot be written"),
        (lambda: write_atomically(path, lambda to: shutil.copyfile(gone, to)), str(gone), "cannot be written"),
    ]
    path.write_bytes(b"old")
    for write, where, words in tries:
        with pytest.raises(FileError) as found:
            write()
        message = str(found.value)
        fuzz.check_message(message)
        assert where in message and words in message and ".tmp" not in message, message
        assert isinstance(found.value, OSError) and isinstance(found.value, AthanorError)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match=r"The disk is full \(.*a\.bin\): free some space\."):
        write_json(path, {})
    assert path.read_bytes() == b"old" and {p.name for p in tmp_path.iterdir()} == {"a.bin", "folder"}


def test_json_holds_names_that_are_no_utf8(tmp_path: Path):
    """A file called b"\\xff.png" has half a character in its name, which no UTF-8 file can hold."""
    write_json(tmp_path / "a.json", {"name": "\udcff雪.png"})
    assert read_json(tmp_path / "a.json", {}) == {"name": "\udcff雪.png"}


def test_what_safetensors_says_of_the_system_is_pythons_own_error(tmp_path: Path):
    """Its writer reports a full disk in words alone."""
    from safetensors import SafetensorError

    def full(_: Path) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    with pytest.raises(OSError, match=r"a\.safetensors") as found:
        write_atomically(tmp_path / "a.safetensors", full)
    assert found.value.errno == errno.ENOSPC

    def wrong(_: Path) -> None:
        raise SafetensorError("Error while serializing: invalid shape")

    with pytest.raises(SafetensorError, match="invalid shape"):
        write_atomically(tmp_path / "a.safetensors", wrong)


def test_a_line_begins_on_its_own(tmp_path: Path):
    path = tmp_path / "log"
    path.write_bytes(b'{"a": 1}\n{"half')
    append_line(path, '{"b": 2}')
    append_line(path, '{"c": 3}')
    assert path.read_text().splitlines() == ['{"a": 1}', '{"half', '{"b": 2}', '{"c": 3}']


def test_a_safetensors_file_is_read_whole_or_refused(tmp_path: Path):
    """Cut off by one byte, by most of it, inside the header, not safetensors at all, or not there."""
    import torch
    from safetensors.torch import save_file

    path = tmp_path / "a.safetensors"
    save_file({"x": torch.arange(6.0).reshape(2, 3)}, path, metadata={"ss_steps": "7"})
    header = safetensors_header(path)
    assert header["x"]["shape"] == [2, 3] and header["x"]["dtype"] == "F32"
    assert safetensors_metadata(path) == {"ss_steps": "7"}
    tensors, metadata = read_safetensors(path)
    assert torch.equal(tensors["x"], torch.arange(6.0).reshape(2, 3)) and metadata == {"ss_steps": "7"}

    data = path.read_bytes()
    bad = [data[:-1], data + b"x", data[:30], data[:3], b"", b"\xff" * 100, None]
    headers = (
        b"[]", b"null", b'{"a": 3}', b'{"a": {"data_offsets": 0}}', b'{"a": {"data_offsets": ["0", "0"]}}', b"[" * 5000,
        b'{"__metadata__": []}', b'{"__metadata__": {"a": 1}}', b'{"__metadata__": {"a": "b"}, "c": ' + b"[" * 90 + b"]" * 90 + b"}",
    )  # fmt: skip
    bad += [len(text).to_bytes(8, "little") + text for text in headers]
    for content in bad:
        path.unlink(missing_ok=True) if content is None else path.write_bytes(content)
        assert safetensors_metadata(path) == {}
        for reader in (safetensors_header, read_safetensors):
            with pytest.raises(UnreadableFile):
                reader(path)


def test_a_shape_that_torch_cannot_have_is_said_in_words(tmp_path: Path):
    """safetensors takes the file, and torch raises a TypeError at the tensor."""
    path = tmp_path / "a.safetensors"
    header = b'{"a": {"dtype": "F32", "shape": [0, 9223372036854775808], "data_offsets": [0, 0]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(UnreadableFile, match=r"^a\.safetensors: "):
        read_safetensors(path)


def test_a_safetensors_file_without_metadata_has_none(tmp_path: Path):
    import torch
    from safetensors.torch import save_file

    path = tmp_path / "a.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    assert safetensors_metadata(path) == {} and read_safetensors(path)[1] == {}


def test_json_that_is_missing_broken_or_of_another_kind_is_its_default(tmp_path: Path):
    path = tmp_path / "a.json"
    assert read_json(path, {}) == {} and read_json(path, []) == []
    write_json(path, {"name": "雪"}, indent=1)
    assert read_json(path, {}) == {"name": "雪"} and read_json(path, []) == []
    assert "雪" in path.read_text(encoding="utf-8") and [p.name for p in tmp_path.iterdir()] == ["a.json"]
    for content in (b'{"name": "sn', b"", b"\xff\xfe", b"3"):
        path.write_bytes(content)
        assert read_json(path, {}) == {}


def test_lines_that_are_cut_or_no_objects_are_passed_over(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    assert list(read_lines(path)) == []
    path.write_bytes(b'{"a": 1}\n{"half\n[1]\n\n\xff\n{"a": "\xe2\x80\xa8"}\n{"b"')
    assert list(read_lines(path)) == [{"a": 1}, {"a": "\u2028"}]


def test_json_of_any_origin():
    """Nested deeply, half characters, NaN: an error that is caught, or a value that can be written and sent."""
    for bad in (b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300, b"\xff", b"", "{", b"1" * 5000):
        with pytest.raises(ValueError):
            load_json(bad)
    assert load_json(b"\xef\xbb\xbf[NaN, Infinity]") == [None, None]
    assert load_json(rb'{"\ud83d\ude00": "a\udcff"}') == {"😀": "a\udcff"}
    assert load_json("[" * 150 + "]" * 150)
    assert len(load_json("[" + "[1]," * 1000 + "{}]")) == 1001


def test_errors_have_a_short_name():
    """ComfyUI's page shows it in front of the sentence; it was the whole path of the pack's folder."""
    from athanor.training_core.run.health import Diverged

    for kind in (AthanorError, FileError, Diverged, UnreadableFile):
        assert f"{kind.__module__}.{kind.__qualname__}" == f"athanor.{kind.__name__}"
    caught = {"Interrupted", "Stopped", "_NotPlain"}  # where they are raised: the host never sees them
    root = Path(athanor.__file__).parent
    for path in (file for room in ("training_core", "nodes") for file in (root / room).rglob("*.py")):
        for name, bases, inside in re.findall(
            r"^class (\w+)\(([^)]*)\):\n((?:    .*\n|\n)*)", path.read_text("utf-8"), re.M
        ):
            ours = any(base in bases for base in ("AthanorError", "Fault", "FileError"))
            if re.search(r"(Error|Exception)\b", bases) and not ours and name not in caught:
                assert '__module__ = "athanor"' in inside, f"{path}: {name}"


def test_a_read_only_folder_says_what_to_do():
    """A volume that is mounted for reading alone has no permissions to change, and no program holds it."""
    error = FileError(errno.EROFS, "Read-only file system", "/data/output/athanor", "written")
    assert str(error) == (
        "/data/output/athanor cannot be written (Read-only file system): mount it for writing, or start ComfyUI with other folders "
        "(--output-directory, --base-directory)."
    )
