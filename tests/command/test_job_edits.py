"""What was edited in a job.json is what is trained: its settings are carried to the widgets of its graph."""

import copy
import json
from pathlib import Path

import fuzz
import pytest
from athanor.training_core.command import job_edits
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import (
    BlockSettings,
    BucketSettings,
    DatasetSettings,
    Job,
    NetworkSettings,
    OptimizerSettings,
    TrainingSettings,
    identity,
    parse,
)

SAVED = Path(__file__).resolve().parents[1] / "host" / "saved_workflows"
WHOLE = json.loads((SAVED / "train.api.json").read_text(encoding="utf-8"))
TRAIN, LOADER, BUCKETER, NETWORK, OPTIMIZER, BLOCKS = "8", "2", "3", "4", "7", "14"


def graph() -> dict:
    """Loss, noise, cache, conditioning, validation and samples are left unconnected; the loader follows another one."""
    prompt = copy.deepcopy(WHOLE)
    for name in ("loss", "noise", "cache", "conditioning", "validation", "samples"):
        prompt.pop(prompt[TRAIN]["inputs"].pop(name)[0])
    prompt["first"] = copy.deepcopy(prompt[LOADER])
    prompt["first"]["inputs"]["repeats"] = 9
    prompt["balance"] = {"class_type": "AthanorBalanceRepeats", "inputs": {"dataset": ["first", 0]}}
    prompt[LOADER]["inputs"]["dataset"] = ["balance", 0]
    return prompt


def settings(prompt: dict) -> dict:
    """The job that the graph gives, as job.json has it."""

    def of(kind, key):
        read = identity.read(kind, prompt[key]["inputs"])
        return parse(kind, {name: value for name, value in read.items() if not isinstance(value, list)})

    network = of(NetworkSettings, NETWORK).model_copy(update={"blocks": of(BlockSettings, BLOCKS)})
    job = Job(
        datasets=(of(DatasetSettings, "first"), of(DatasetSettings, LOADER)),
        buckets=of(BucketSettings, BUCKETER),
        network=network,
        optimizer=of(OptimizerSettings, OPTIMIZER),
        training=of(TrainingSettings, TRAIN),
        dataset_fingerprint="d",
        model_fingerprint="m",
    )
    return job.model_dump(mode="json")


def carried(change=lambda values: None, prompt: dict | None = None, told: bool = True) -> tuple[dict, list[str]]:
    """(the graph, what was edited) after `change` has edited the settings; `told`: the file tells what it was before."""
    prompt = prompt or graph()
    values = settings(prompt)
    written = Job.settings_id(values) if told else ""
    change(values)
    return prompt, job_edits.carry(prompt, TRAIN, json.loads(json.dumps(values)), written)


@pytest.mark.parametrize("told", [True, False])
def test_what_was_not_edited_stays_as_it_is(told):
    assert carried(told=told) == (graph(), [])


@pytest.mark.parametrize("told", [True, False])
def test_every_group_reaches_its_node(told):
    def change(values):
        values["training"]["epochs"] = 7
        values["training"]["deterministic"] = "on"  # makes no other run, and counts all the same
        values["buckets"]["batch_size"] = 3
        values["network"]["rank"] = 5
        values["network"]["blocks"]["reg_dims"] = "attn=2"
        values["optimizer"]["learning_rate"] = 0.5
        values["datasets"][0]["repeats"] = 4
        values["datasets"][1]["is_reg"] = True

    prompt, edited = carried(change, told=told)
    want = graph()
    for key, name, value in (
        *((TRAIN, "epochs", 7), (TRAIN, "deterministic", "on"), (BUCKETER, "batch_size", 3), (NETWORK, "rank", 5)),
        *((BLOCKS, "reg_dims", "attn=2"), (OPTIMIZER, "learning_rate", 0.5), ("first", "repeats", 4)),
        (LOADER, "is_reg", True),
    ):
        want[key]["inputs"][name] = value
    assert prompt == want and len(edited) == 8 and "training.epochs 7" in edited


def test_config_nodes_that_lack_are_added():
    def change(values):
        values["loss"]["loss_type"] = "huber"
        values["sampling"] = {"sample_prompts": "a cat", "steps": 20}

    prompt, edited = carried(change)
    train = prompt[TRAIN]["inputs"]
    assert prompt[train["loss"][0]] == {"class_type": "AthanorLossConfig", "inputs": {"loss_type": "huber"}}
    assert prompt[train["samples"][0]]["inputs"] == {"sample_prompts": "a cat"} and len(edited) == 2
    bare = graph()
    bare.pop(bare[TRAIN]["inputs"].pop("network")[0])
    prompt = bare
    values = {"network": {"blocks": {"reg_dims": "attn=2"}}}
    assert job_edits.carry(prompt, TRAIN, values, "") == ["network.blocks.reg_dims attn=2"]
    network = prompt[prompt[TRAIN]["inputs"]["network"][0]]
    assert prompt[network["inputs"]["blocks"][0]]["inputs"] == {"reg_dims": "attn=2"}


def test_samples_can_be_left_out():
    prompt = copy.deepcopy(WHOLE)
    assert job_edits.carry(prompt, TRAIN, {"sampling": None}, "") == ["sampling none"]
    assert "samples" not in prompt[TRAIN]["inputs"]


def test_a_linked_widget_takes_the_value_of_the_file():
    """Nobody knows what the link gives before it has run; unedited, it gives this value."""
    prompt = graph()
    values = settings(prompt)
    prompt["number"] = {"class_type": "PrimitiveInt", "inputs": {"value": 2}}
    prompt[TRAIN]["inputs"]["epochs"] = ["number", 0]
    written = Job.settings_id(values)
    assert job_edits.carry(copy.deepcopy(prompt), TRAIN, values, written) == []
    values["training"]["epochs"] = 5
    job_edits.carry(prompt, TRAIN, values, written)
    assert prompt[TRAIN]["inputs"]["epochs"] == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.update(model_fingerprint="other"), "has no place for it"),
        (lambda v: v["datasets"].pop(), "has no place for it"),
        (lambda v: v["training"].update(epochs="many"), r"job.json: training.epochs is 'many'"),
        (lambda v: v["loss"].update(loss_type="hubert"), r"job.json: loss.loss_type is 'hubert'"),
        (lambda v: v.update(loss=5), "job.json: loss is '5': it must hold settings"),
        (lambda v: v["network"].update(blocks=[]), "must hold settings"),
        (lambda v: v.update(datasets={"folder": "x"}), "job.json: datasets is"),
        (lambda v: v["datasets"].append("x"), "datasets.2 is 'x'"),
    ],
)
def test_what_cannot_count_is_refused(change, words):
    with pytest.raises(AthanorError, match=words) as error:
        carried(change)
    fuzz.check_message(str(error.value))


def test_what_this_version_does_not_know_is_named():
    values = settings(graph())
    values["training"]["epoch"] = 3
    assert job_edits.unknown(values) == ["training.epoch"]


def test_hurt_jobs_are_one_sentence_or_a_graph():
    """Values of other kinds anywhere in the settings and in the graph, as a slip of an editor leaves them."""
    rng = fuzz.generator("job edits")
    whole = settings(graph())
    written = Job.settings_id(whole)
    for case in range(fuzz.cases(5000)):
        values, prompt = copy.deepcopy(whole), graph()
        for _ in range(rng.randint(1, 4)):
            _hurt(rng.choice([values, values, prompt[TRAIN]["inputs"], prompt[LOADER]["inputs"]]), rng)
        with fuzz.no_hang(case):
            try:
                job_edits.unknown(values)
                job_edits.carry(prompt, TRAIN, values, rng.choice(["", written]))
            except AthanorError as error:
                fuzz.check_message(str(error))


def _hurt(value, rng) -> None:
    while isinstance(value, dict | list) and value:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if not isinstance(value[key], dict | list) or rng.random() < 0.3:
            value[key] = rng.choice(
                [None, [], {}, "x", -1, 1e400, True, [[1]], {"a": []}, ["2", 0], ["8", 0], [1, 2], "9" * 9999]
            )
            return
        value = value[key]
