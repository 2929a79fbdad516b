"""--set NODE.INPUT=VALUE: the widget that is meant, and the value as its type has it."""

import copy
import json
from pathlib import Path

import fuzz
import pytest
from athanor.training_core.command import edits
from athanor.training_core.errors import AthanorError

SAVED = Path(__file__).resolve().parents[1] / "host" / "saved_workflows"
GRAPH = json.loads((SAVED / "train.api.json").read_text(encoding="utf-8"))
SPECS = {
    "AthanorTrainLoRA": {
        "model": ("MODEL", {}),
        "epochs": ("INT", {"min": 1, "max": 100}),
        "seed": ("INT", {"min": 0}),
        "overwrite": ("BOOLEAN", {}),
        "output_name": ("STRING", {}),
    },
    "AthanorNetworkConfig": {"algo": (["lora", "lokr"], {}), "dropout": ("FLOAT", {"min": 0, "max": 1})},
    "AthanorLossConfig": {"loss_type": ("COMBO", {"options": ["l2", "huber"]})},
    "AthanorDatasetLoader": {"seed": ("INT", {})},
    "AthanorBlockConfig": {"reg_dims": ("STRING", {})},
    "CheckpointLoaderSimple": {"ckpt_name": ("COMBO", {"options": ["sd3.safetensors", "sub/xl.safetensors"]})},
}
TITLES = {
    "AthanorTrainLoRA": "Train LoRA (Athanor)",
    "AthanorNetworkConfig": "Network Config",
    "AthanorLossConfig": "Loss Config",
}


def changed(*texts: str, graph: dict = GRAPH) -> dict:
    """Node -> its inputs that are other ones now."""
    prompt = copy.deepcopy(graph)
    for text in texts:
        edits.apply(prompt, "8", text, SPECS.get, TITLES)
    before = {key: node["inputs"] for key, node in graph.items()}
    return {
        key: {n: v for n, v in node["inputs"].items() if before.get(key, {}).get(n) != v}
        for key, node in prompt.items()
        if node["inputs"] != before.get(key)
    }


def test_the_node_by_id_type_title_or_not_at_all():
    for node in ("", "8.", "Train LoRA.", "train lora.", "Train LoRA (Athanor).", "AthanorTrainLoRA."):
        assert changed(f"{node}epochs=4") == {"8": {"epochs": 4}}
    named = copy.deepcopy(GRAPH)
    named["8"]["_meta"] = {"title": "v1.5: my run"}
    assert changed("v1.5: my run.epochs=4", graph=named) == {"8": {"epochs": 4}}


def test_values_have_the_widgets_type():
    assert changed("epochs=1e1", "overwrite=yes", "dropout=0.5", "algo=LoKr", "output_name=a=b.c", "ckpt_name=xl") == {
        "8": {"epochs": 10, "overwrite": True, "output_name": "a=b.c"},
        "4": {"dropout": 0.5, "algo": "lokr"},
        "1": {"ckpt_name": "sub/xl.safetensors"},
    }


def test_a_config_node_that_lacks_is_added():
    bare = copy.deepcopy(GRAPH)
    del bare["8"]["inputs"]["loss"], bare["5"]
    assert changed("loss_type=huber", graph=bare) == {"8": {"loss": ["loss", 0]}, "loss": {"loss_type": "huber"}}
    del bare["8"]["inputs"]["network"], bare["4"], bare["14"]
    assert changed("AthanorBlockConfig.reg_dims=x", graph=bare) == {
        "8": {"network": ["network", 0]},
        "network": {"blocks": ["blocks", 0]},
        "blocks": {"reg_dims": "x"},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs", "write NODE.INPUT=VALUE"),
        ("=4", "write NODE.INPUT=VALUE"),
        ("epoch=4", "has a setting 'epoch'; the nearest: epochs"),
        ("Train LoRA.model=x", "'Train LoRA' has no setting 'model'"),
        ("Trian LoRA.epochs=4", "no node that leads to Train LoRA is called 'Trian LoRA'; the nearest: Train LoRA"),
        ("seed=4", r"seed could be .*Train LoRA.seed"),
        ("epochs=many", "--set epochs is 'many': it must be a whole number"),
        ("epochs=2.5", "must be a whole number"),
        ("epochs=0", "--set epochs is 0: it must be at least 1"),
        ("epochs=101", "at most 100"),
        ("epochs=" + "9" * 9999, "must be a whole number"),
        ("dropout=nan", "must be a number"),
        ("overwrite=maybe", "must be true or false"),
        ("algo=loka", "there is no choice 'loka'; the nearest: lo"),
        ("9.x=1", "is called '9'"),
    ],
)
def test_what_is_not_there_is_one_sentence_with_near_names(text, words):
    with pytest.raises(AthanorError, match=words) as error:
        changed(text)
    fuzz.check_message(str(error.value))


def test_any_text_is_an_edit_or_one_sentence():
    rng = fuzz.generator("edits")
    words = [
        "epochs",
        "8",
        ".",
        ".",
        "=",
        "=",
        "Train LoRA",
        "4",
        "\0",
        "\n",
        "é" * 400,
        "nan",
        "1e999",
        "[",
        "lokr",
        " ",
        "*",
        "sd3",
    ]
    for case in range(fuzz.cases(20000)):
        text = "".join(rng.choice(words) for _ in range(rng.randint(0, 8)))
        with fuzz.no_hang(case):
            try:
                changed(text)
            except AthanorError as error:
                fuzz.check_message(str(error))
