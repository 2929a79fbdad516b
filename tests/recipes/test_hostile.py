"""Texts that mean harm, or that hold what nobody should see: they cost no time, and nothing of them reaches a graph or a file."""

import time
from contextlib import suppress

import pytest
from athanor.training_core import secret_keys, toml
from athanor.training_core.errors import AthanorError
from athanor.training_core.network import metadata_choice
from athanor.training_core.recipes import listing
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.graph import graph
from athanor.training_core.recipes.read import read

TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUvWx"
KEY = "0123456789abcdef0123456789abcdef01234567"
COMMAND = "accelerate launch train_network.py --network_dim=8 --learning_rate=1e-4 "


def seconds(text: str) -> float:
    """Seconds of this process for reading a text, whatever comes of it."""
    begin = time.process_time()
    with suppress(AthanorError):
        read([Document(data=text.encode())])
    return time.process_time() - begin


@pytest.mark.parametrize("blank", [" ", "\t", "\n", " \n", "\u00a0", "\t "])
def test_rows_of_blanks_cost_no_time(blank):
    assert seconds(f"a: 1{blank * 200_000}b") < 2
    assert seconds(blank * 200_000 + "b") < 2


def test_names_with_very_many_dots_are_no_toml():
    for text in (
        ".".join("a" * 50_000) + " = 1",
        "[" + ".".join(['"a\\",."'] * 5000) + "]",
        "a = {" + " . ".join("b" * 5000) + " = 1}",
    ):
        begin = time.process_time()
        with pytest.raises(toml.TOMLDecodeError):
            toml.loads(text)
        assert time.process_time() - begin < 1
    begin = time.process_time()
    with pytest.raises(toml.TOMLDecodeError):
        toml.loads("a = " + '"\\' * 100_000 + "." * 100)
    assert time.process_time() - begin < 1


def test_dots_in_texts_and_comments_are_toml():
    dots = "." * 200
    text = f'# a {dots}\na = 1 # {dots}\nb = "{dots}\\"{dots}"\nc = \'{dots}\'\nd = """\n{dots}\n"""\ne.f.g = 1.5\n'
    assert toml.loads(text)["b"] == f'{dots}"{dots}'


def note(text: str) -> str:
    reading = read([Document(data=text.encode())])
    return graph(reading.recipe, form=reading.form, lines=reading.lines).one("MarkdownNote").inputs["text"]


@pytest.mark.parametrize("mark", ["![x](https://example.org/x)", "<img/src=https://a.org/x>", "<script>alert(1)</script>"])  # fmt: skip
def test_a_note_and_a_list_show_no_markdown_of_strangers(mark):
    text = f"{COMMAND} --output_name='{mark}' --train_data_dir='/x/{mark}' --{mark.replace(' ', '')} --odd '{mark}'"
    for shown in (note(text), listing.listed(read([Document(data=text.encode())]))):
        for sign in ("](", "![", "<img", "<script"):
            assert sign not in shown.replace("\\]", "").replace("\\<", "").replace("\\[", ""), shown


@pytest.mark.parametrize(
    "text",
    [
        f"{COMMAND} --huggingface_token={TOKEN} --wandb_api_key {KEY} --hf_token {TOKEN} --my_api_key {KEY}",
        f"network_dim = 8\nlearning_rate = 1e-4\nwandb_api_key = '{KEY}'\nhuggingface_token = '{TOKEN}'\n",
        f"!wandb login {KEY}\n!huggingface-cli login --token {TOKEN}\n{COMMAND} \n# then --odd {TOKEN}",
        f"Network dim: 8\nAlpha: 4\nLearning rate: 1e-4\nHF token: {TOKEN}\nWandb api key: {KEY}\n",
    ],
)
def test_keys_are_not_shown(text):
    reading = read([Document(data=text.encode())])
    made = graph(reading.recipe, form=reading.form, lines=reading.lines)
    for shown in (str(reading.lines), listing.listed(reading), str(made.nodes)):
        assert TOKEN not in shown and KEY not in shown


def test_keys_in_a_graph_are_not_saved_into_a_file():
    text = f'{{"recipe": "train.py --huggingface_token {TOKEN} --wandb_api_key=\\"{KEY}\\"", "b": 1}}'
    kept = metadata_choice.reduced({"prompt": text, "ss_training_comment": f"key {TOKEN}"}, "all")
    assert TOKEN not in str(kept) and KEY not in str(kept) and '"b": 1' in kept["prompt"]


def test_other_texts_are_kept():
    kept = (
        "1girl, secret garden, password-protected_door",
        "keep_tokens 3 class_tokens sks",
        '{"tokens": 12345678901234567890}',
    )
    for text in kept:
        assert secret_keys.without_keys(text) == text
    assert not secret_keys.is_secret("keep_tokens") and not secret_keys.is_secret("max_token_length")


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("/etc/cron.d/x", "x"), ("../../x", "x"), ("C:\\Users\\bob\\cat", "cat"), ("\\\\host\\share\\cat", "cat"), ("~/cat", "cat"),
        ("a:b?", "a_b_"), ("<img src=x>", "_img src=x_"), ("con", "_con"), ("cats/siamese", "cats/siamese"), ("cat v1.5", "cat v1.5"),
    ],
)  # fmt: skip
def test_a_lora_is_named_below_the_folder_of_loras(name, fits):
    reading = read([Document(data=f'{COMMAND} --output_name="{name}"'.encode())])
    line = next(line for line in reading.lines if line.name == "output_name")
    assert reading.recipe.settings["training"]["output_name"] == fits
    assert line.kind == ("taken" if name == fits else "translated") and fits in line.to
