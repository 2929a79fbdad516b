"""Files of sample prompts, in every form that is used."""

import json
from pathlib import Path

import fuzz
import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.run import prompts
from athanor.training_core.settings import SamplingSettings

BOM = "\ufeff"


def read(text: str, folder: Path, name: str = "p.json") -> list[prompts.Prompt]:
    (folder / name).write_text(text, encoding="utf-8")
    return prompts.read(SamplingSettings(sample_prompts=name), folder, ())


def test_a_line_has_sd_scripts_options():
    default = prompts.Prompt(text="", negative="", width=512, height=512, seed=1, steps=20, cfg=7.0)
    found = prompts.parse_line(
        "a cat --n bad, worse --w 771 --H 512 --d 42 --l 7.5 --s 5000 --g 3.5 --w abc --d -1", default
    )
    assert (found.text, found.negative, found.width, found.seed) == ("a cat", "bad, worse", 768, 42)
    assert (found.steps, found.cfg, found.guidance) == (1000, 7.5, 3.5)
    assert prompts.parse_line(f"a --w {'9' * 9000} --l {'9' * 9000} --h 99999", default).width == 512
    assert prompts.parse_line("a --h 99999", default).height == 8192
    with pytest.raises(AthanorError, match="the seed 18446744073709551616 is not within"):
        prompts.parse_line(f"a --d {2**64}", default)
    assert prompts.parse_line(f"a --d {2**64 - 1}", default).seed == 2**64 - 1


def test_text_files_may_have_a_byte_order_mark(tmp_path: Path):
    found = read(f"{BOM}# note\r\na cat\u2028sitting --d 7\r\n\r\na dog", tmp_path, "p.TXT")
    assert [(p.text, p.seed) for p in found] == [("a cat\u2028sitting", 7), ("a dog", 43)]


@pytest.mark.parametrize(
    "text",
    [
        BOM + '[prompt]\nwidth = 768\n[[prompt.subset]]\nprompt = "a"\n[[prompt.subset]]\nprompt = "b"',
        '[[prompt]]\nprompt = "a"\nwidth = 768\n[[prompt]]\nprompt = "b"\nwidth = "768"',
        'prompt = ["a --w 768", "b --w 768"]',
        '[prompt]\nwidth = 768.0\nsubset = ["a", "b"]',
        BOM + '["a --w 768", {"prompt": "b", "width": "768", "seed": -1, "scale": null}]',
        '{"prompt": [{"prompt": "a", "width": "771"}, {"prompt": "b", "width": 768, "unknown": 3}]}',
    ],
)
def test_forms_of_toml_and_json(text: str, tmp_path: Path):
    found = read(text, tmp_path, "p.json" if text.strip(BOM)[:2] in ('["', '{"') else "p.toml")
    assert [(p.text, p.width, p.seed) for p in found] == [("a", 768, 42), ("b", 768, 43)]


def test_one_object_is_one_prompt(tmp_path: Path):
    (found,) = read('{"prompt": "a", "seed": "7", "scale": "4.5", "sample_steps": 9999}', tmp_path)
    assert (found.text, found.seed, found.cfg, found.steps) == ("a", 7, 4.5, 1000)
    assert read('["\\ud83d\\ude00 \\ud800"]', tmp_path)[0].text == "\U0001f600 \ufffd"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"prompt": "a", "seed": 2**64}, "the seed 18446744073709551616 is not within"),
        ({"prompt": "a", "seed": "1e99"}, "the seed 1e99 is not within"),
        ({"prompt": "a", "seed": True}, "seed is 'True', which is no whole number"),
        ({"prompt": "a", "width": "wide"}, "width is 'wide', which is no whole number"),
        ({"prompt": "a", "width": [1]}, "width is"),
        ({"prompt": "a", "scale": float("nan")}, "cfg is 'nan', which is no number"),
        ({"prompt": "a", "scale": "Infinity"}, "no number"),
        ({"prompt": "a", "negative_prompt": 3}, "'negative_prompt' that is no text"),
        ({"prompt": ["a"]}, "'prompt' that is no text"),
        ({"width": 3}, "no 'prompt'"),
        (None, "neither a text nor an object"),
    ],
)
def test_what_no_sampler_takes_is_named(entry: object, words: str, tmp_path: Path):
    with pytest.raises(AthanorError, match=words) as found:
        read(json.dumps([entry]), tmp_path)
    fuzz.check_message(str(found.value))
    assert str(found.value).startswith("sample_prompts: ")


def test_a_file_in_a_folder_that_the_owner_has_linked_in(tmp_path: Path):
    """It was refused as outside, where a Dataset Loader reads pictures from there."""
    for name in ("drive", "input"):
        (tmp_path / name).mkdir()
    (tmp_path / "drive" / "p.txt").write_text("a cat")
    (tmp_path / "input" / "linked").symlink_to(tmp_path / "drive", target_is_directory=True)

    def of(name: str) -> list[str]:
        return [each.text for each in prompts.read(SamplingSettings(sample_prompts=name), tmp_path / "input", ())]

    assert of("linked/p.txt") == of("linked\\p.txt") == ["a cat"]
    for name in ("../drive/p.txt", "linked/../../drive/p.txt", str(tmp_path / "drive" / "p.txt")):
        with pytest.raises(AthanorError, match="is outside ComfyUI's input folder"):
            of(name)


def test_files_that_are_not_there_or_empty(tmp_path: Path):
    for name in ("gone.txt", "../p.txt", f"{'x' * 300}.txt", "a\0.txt"):
        with pytest.raises(AthanorError, match=r"no file|outside"):
            prompts.read(SamplingSettings(sample_prompts=name), tmp_path, ())
    for text in ("[]", "{}", "3", '"', '{"prompt": {}}'):
        with pytest.raises(AthanorError) as found:
            read(text, tmp_path)
        fuzz.check_message(str(found.value))


def names(found: list[prompts.Prompt]) -> list[list[str]]:
    return [[path.name for path in prompt.controls] for prompt in found]


def test_control_pictures_in_every_form(tmp_path: Path):
    """musubi-tuner's: several --ci of a line, control_image_path and control_image of an object, one or a list."""
    for name in ("a.png", "b c.png"):
        (tmp_path / name).touch()
    lines = "red --ci a.png --w 64 --CI b c.png\nblue"
    assert names(prompts.read(SamplingSettings(sample_prompts=lines), tmp_path, ())) == [["a.png", "b c.png"], []]
    both = ["a.png", "b c.png"]
    entries = [{"prompt": "x", "control_image_path": both}, {"prompt": "x", "control_image": "a.png"}, "x --ci a.png"]
    assert names(read(json.dumps(entries), tmp_path)) == [both, ["a.png"], ["a.png"]]
    toml = '[prompt]\ncontrol_image_path = "a.png"\nsubset = [{prompt = "x"}, {prompt = "y", control_image_path = "b c.png"}]'
    assert names(read(toml, tmp_path, "p.toml")) == [["a.png"], ["b c.png"]]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("x --ci gone.png", "there is no file 'gone.png' in ComfyUI's input folder"),
        ("x --ci ../out.png", "'../out.png' is outside ComfyUI's input folder"),
        ("x --ci /etc/passwd", "outside"),
        ("x --ci a\0.png", "no file"),
        ({"prompt": "x", "control_image": 3}, "the control picture '3' is no file name"),
        ({"prompt": "x", "control_image": ["a.png", ""]}, "is no file name"),
        ({"prompt": "x", "control_image": {}}, "is no file name"),
    ],
)
def test_control_pictures_lie_in_the_input_folder(entry: object, words: str, tmp_path: Path):
    (tmp_path / "out.png").touch()
    folder = tmp_path / "input"
    folder.mkdir()
    with pytest.raises(AthanorError, match=words) as found:
        read(json.dumps([entry]), folder)
    fuzz.check_message(str(found.value))


def test_captions_are_drawn_with_their_own_control_pictures_and_no_others(tmp_path: Path):
    own = prompts.Drawn("red --ci ../out.png --w 64", (tmp_path / "elsewhere" / "c.png",), "gray")
    (found,) = prompts.read(SamplingSettings(), tmp_path, [own])
    assert (found.text, found.width, found.controls, found.background) == ("red", 64, own.controls, "gray")
