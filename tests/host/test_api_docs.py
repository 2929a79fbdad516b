"""docs/api.md: its examples run in their order against a real ComfyUI, and its tables are those of the code."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import graphs
import pytest
import routes
from aiohttp import web
from athanor.training_core import __main__ as command_line
from athanor.training_core.history import registry
from host import PACK, Host
from PIL import Image

PAGE = (PACK / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = [match.groups() for match in re.finditer(r"^```(\w+) ?(.*)\n((?:.*\n)*?)```$", PAGE, re.M)]
"""Language, what stands behind it, and content of each block, in the order of the page."""
SMALLER = {
    "http://127.0.0.1:8188": "{server}",
    "my_model.safetensors": "sd3.safetensors",
    "my_pictures": "ds",
    "/data/my_cats": "drawn",
    "my_lora": "documented",
    "1024": "64",
    '"steps": 20': '"steps": 2',
    '"epochs": 10': '"epochs": 1',
    "epochs=12": "epochs=2",
    "epochs=14": "epochs=3",
    "sleep(5)": "sleep(0.1)",
    "sleep 5": "sleep 0.1",
}
"""What the examples are run with instead: the address, names, and numbers that take less time."""


def smaller(text: str, server: Host) -> str:
    for old, new in SMALLER.items():
        text = text.replace(old, new.format(server=server.url))
    return text


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What the examples have left."""

    folder: Path
    graph: dict[str, Any]
    job: str  # of train_lora.py
    outputs: dict[str, Any]  # what its nodes have shown
    printed: dict[str, str]  # by the names of the scripts

    @property
    def run(self) -> str:
        return self.outputs["5"]["athanor_run"][0]

    def named(self, text: str) -> str:
        comparison = self.outputs["6"]["athanor_comparison"][0]
        return text.replace("JOB", self.job).replace("RUN", self.run).replace("COMPARISON", comparison)


@pytest.fixture(scope="module")
def ran(server: Host, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder, printed, jobs, graph = tmp_path_factory.mktemp("client"), {}, {}, {}
    graphs.draw_dataset(folder / "drawn" / "2_sks cat", 2)
    for language, name, content in BLOCKS:
        text = smaller(content, server)
        if (language, name) == ("json", "my_workflow_api.json"):
            graph = json.loads(text)
            graph["3"]["inputs"] |= {"min_bucket_reso": 32, "max_bucket_reso": 128, "bucket_reso_steps": 32}
            (folder / name).write_text(json.dumps(graph), encoding="utf-8")
        elif language == "python":
            (folder / name).write_text(text, encoding="utf-8")
            printed[name] = finished([sys.executable, "-X", "utf8", name], folder)
            jobs[name] = list(server.get("/history"))[-1]
        elif language == "bash" and os.name != "nt" and shutil.which("curl"):
            finished(["bash", "-euo", "pipefail", "-c", text], folder)
            assert (folder / "documented.safetensors").stat().st_size > 10_000
    job = jobs["train_lora.py"]
    outputs = server.get(f"/history/{job}")[job]["outputs"]
    return Ran(folder=folder, graph=graph, job=job, outputs=outputs, printed=printed)


def finished(command: list[str], folder: Path) -> str:
    """What a program has printed that has ended well."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_scripts_do_what_the_page_says(server, ran):
    script = next(content for _, name, content in BLOCKS if name == "train_lora.py")
    assert len(list(filter(None, script.splitlines()))) < 60
    run = last_run(server)
    assert ran.printed["train_lora.py"].splitlines()[-1] == f"run {ran.run} is documented"
    lines = ran.printed["watch.py"].splitlines()
    assert lines[-1] == "execution_success" and lines[-2].startswith("done ['documented.safetensors'")
    assert any(line.startswith(f"step {run['steps']} of {run['steps']}, loss ") for line in lines)
    address = f"{server.url}/athanor/runs/{run['run_id']}/files/documented.safetensors"
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Range": "bytes=0-7"})) as answer:
        assert (answer.status, len(answer.read())) == (206, 8)
    for picture in ("grid.png", "rates.png", "losses.png"):
        with Image.open(ran.folder / picture) as image:
            assert image.width > 64
    sent = {path.relative_to(ran.folder / "drawn").as_posix() for path in (ran.folder / "drawn").rglob("*.*")}
    come = server.base / "input" / "my_cats"
    assert {path.relative_to(come).as_posix() for path in come.rglob("*.*")} == sent and len(sent) == 4
    rates = [row["title"] for row in server.get("/athanor/runs?short=1") if row["title"].startswith("documented_lr")]
    assert sorted(rates) == ["documented_lr1e-4", "documented_lr2e-4", "documented_lr5e-5"]
    swept = ran.printed["sweep.py"]
    assert swept.startswith("3 runs (3 learning_rate)") and swept.count("| learning_rate ") == 3
    outputs = [shown for entry in server.get("/history").values() for shown in entry["outputs"].values()]
    ranking = next(shown["athanor_ranking"] for shown in outputs if "athanor_ranking" in shown)
    section = PAGE.partition("## 8. ")[2].partition("## 9. ")[0]
    assert words(section) >= set(ranking[0]) and all(row["run_id"] in swept for row in ranking)
    assert all(float(line.split()[-1]) <= 1 for line in swept.splitlines()[-3:])  # likeness


def last_run(server: Host) -> dict[str, Any]:
    return server.get("/athanor/runs?short=1&name=documented")[0]


def differences(told: Any, real: Any, exact: bool, at: str = "") -> list[str]:
    """Where the page's JSON is not what was answered: keys ("...": and others), kinds of values; `exact`: the values, too."""
    if isinstance(told, dict) and isinstance(real, dict):
        keys = told.keys() - {"..."}
        wrong = keys - real.keys() if "..." in told else keys ^ real.keys()
        inside = (differences(told[key], real[key], exact, f"{at}.{key}") for key in keys & real.keys())
        return [f"{at}.{key}" for key in sorted(wrong)] + [each for part in inside for each in part]
    if isinstance(told, list) and isinstance(real, list):
        if told and not real:
            return [f"{at}[0]"]
        if exact and len(told) != len(real):
            return [f"{at}: {len(real)} of them"]
        if all(isinstance(each, str) for each in real):  # as from a set, in any order
            told, real = sorted(told), sorted(real)
        pairs = zip(told if exact else told[:1], real, strict=False)
        return [each for one, other in pairs for each in differences(one, other, exact, f"{at}[]")]
    kinds = [float if type(value) is int else type(value) for value in (told, real)]
    return [] if kinds[0] == kinds[1] and (told == real or not exact) else [f"{at}: {real!r}"]


def answer(server: Host, ran: Ran, what: str) -> Any:
    """What the server answers to "GET /path", "POST /path", "POST /prompt 5.epochs=0" or "execution_error 5.epochs=0"."""
    verb, *rest = what.split()
    if verb == "execution_error":
        job = server.queue(changed(ran.graph, rest[0]))
        server.finish(job)
        messages = dict(server.get(f"/history/{job}")[job]["status"]["messages"])
        return messages[verb] | {"exception_message": messages[verb]["exception_message"].strip()}
    if rest[0] == "/prompt":
        return server.post("/prompt", {"prompt": changed(ran.graph, rest[1])})
    path = ran.named(rest[0])
    return server.post(path, {}) if verb == "POST" else _got(server, path)


def _got(server: Host, path: str) -> Any:
    try:
        return server.get(path)
    except urllib.error.HTTPError as error:
        return json.loads(error.read())


def changed(graph: dict[str, Any], change: str) -> dict[str, Any]:
    """The graph with "node.input=number"."""
    node, name, value = re.split("[.=]", change)
    return {**graph, node: {**graph[node], "inputs": {**graph[node]["inputs"], name: int(value)}}}


def test_answers_have_the_fields_of_the_page(server, ran):
    """A field that is added or dropped has to be on the page, or off it."""
    documented = [(name, content) for language, name, content in BLOCKS if language == "json" and " " in name]
    assert len(documented) == 9
    for name, content in documented:
        exact = name[0].isdigit()
        what = name.partition(" ")[2] if exact else name
        told = json.loads(ran.named(smaller(content, server)))
        real = answer(server, ran, what)
        assert not differences(told, real, exact), (name, json.dumps(real)[:3000])
        if what.startswith("execution_error"):
            assert all(told[key] == real[key] for key in told if key not in ("...", "prompt_id"))
        if what == "GET /athanor/runs/RUN":
            short, row = (server.get(f"/athanor/runs?limit=1{more}")[0] for more in ("&short=1", ""))
            names = list(told)
            assert set(short) == set(names[: names.index("prompt_id") + 1])
            assert set(row) == set(names[: names.index("settings") + 1])


def test_history_tells_the_error(server, ran):
    """status_str of a job that has failed."""
    job = server.queue(changed(ran.graph, "3.min_bucket_reso=2048"))
    server.finish(job)
    assert server.get(f"/history/{job}")[job]["status"]["status_str"] == "error"


def table(heading: str) -> dict[str, str]:
    """First cell and the rest of the rows of the table whose header begins so."""
    rows = PAGE.partition(f"| {heading} |")[2].splitlines()[2:]
    cells = (row.split(" | ", 1) for row in rows[: next(i for i, row in enumerate(rows) if not row.startswith("|"))])
    return {first.strip("| "): rest.rstrip("| ") for first, rest in cells}


def words(text: str) -> set[str]:
    """What stands in backticks and is a name."""
    return {word for word in re.findall(r"`([^`]*)`", text) if re.fullmatch(r"\w+", word)}


def test_the_routes_are_those_that_the_pack_has(comfy, monkeypatch):
    real = {f"{route.method} {route.path}" for route in routes.table(monkeypatch) if isinstance(route, web.RouteDef)}
    own = {route for route in real if " /athanor" in route and not route.startswith("*")}
    assert {route.strip("`") for route in table("route")} == own


def test_the_states_are_those_that_a_run_has():
    assert [words(state) for state in table("status | meaning")] == [{state} for state in registry.STATUSES]


def test_the_exit_codes_are_those_of_the_command_line():
    codes = re.findall(r"^  (\d[\d, ]*?) +[a-z(]", command_line.HELP, re.M)
    assert list(table("exit code")) == codes and {"0", "1", "2", "3", "75"} < set(codes)


def test_the_statuses_of_errors_are_those_that_routes_answer():
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted((PACK / "nodes").glob("*.py")))
    raised = {getattr(web, name).status_code for name in re.findall(r"web\.(HTTP[A-Z]\w+)\(", sources)}
    own = {int(status) for status in re.findall(r"_refusal\((\d+)", sources)}
    rows = re.findall(r"^\| (\d{3}) \|", PAGE, re.M)
    assert {int(row) for row in rows} == raised | own | {413}


def test_examples_of_the_command_line_are_taken(comfy):
    import comfy.cli_args as theirs

    lines = [line for language, _, content in BLOCKS if language == "sh" for line in content.splitlines()]
    runs = [
        re.split(r";|>>", line)[0].partition("training_core run ")[2] for line in lines if "training_core run" in line
    ]
    assert len(runs) == 7
    for run in runs:
        known, others = command_line._parser().parse_known_args(["run", *shlex.split(run)])
        assert known.source and all(other in theirs.parser._option_string_actions for other in others if "--" in other)


def test_the_messages_are_those_that_are_sent(comfy, tmp_path, monkeypatch):
    from athanor.nodes import broadcasts, display
    from athanor.training_core.history import events

    kinds, sent = table("kind"), {}
    for name in ("display", "broadcasts", "train"):
        for node in ast.walk(ast.parse((PACK / "nodes" / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "tell":
                sent[ast.literal_eval(node.args[0])] = set()
    assert {kind.strip("`") for kind in kinds} == set(sent)

    def send(kind: str, data: dict[str, Any]) -> None:
        assert kind == "athanor.run"
        sent[data["kind"]] = set(data)

    monkeypatch.setattr(broadcasts.PromptServer, "instance", SimpleNamespace(send_sync=send), raising=False)
    monkeypatch.setattr(
        display, "Progress", lambda _: SimpleNamespace(**dict.fromkeys(("bar", "text", "picture"), lambda *_, **__: 0))
    )
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    sender = broadcasts.Broadcasts("0" * 16, "5", "my_lora", None)
    shown = display.Display("5", "0" * 16, sender)
    number = {"step": 1, "epoch": 1}
    for event in (
        events.Phase("loading the model"),
        events.Encoded(what="latents", done=1, total=1),
        events.Warned("careful"),
        events.Started(run_id="0" * 16, steps=2, epochs=1, trained=""),
        events.Stepped(**number, loss=1.0, lr=1e-4, d_lr=None, grad_norm=1.0, seconds=0.1),
        events.Probed(step=1, loss=1.0, percent=100.0, label=""),
        events.Sampled(path=tmp_path / "a.png", prompt="", index=0, seed=0, **number),
        events.Scored(**number, scorer="", title="", weak=True, values={}, copies=0, scores=()),
        events.Saved(path=tmp_path / "a.safetensors", kind="last", hash="", deviation=0.0, **number),
    ):
        shown.show(event)
    sender.ended(None, [], None, False)
    common = set().union(*map(words, list(table("field"))[:8]))
    assert common == set.intersection(*sent.values())
    assert {kind: words(fields) - common for kind, fields in kinds.items()} == {
        f"`{kind}`": fields - common for kind, fields in sent.items()
    }


def test_the_links_lead_somewhere():
    anchors = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in re.findall("^#+ (.*)", PAGE, re.M)
    }
    for file, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", PAGE):
        assert (PACK / "docs" / file).is_file() if file else anchor in anchors, (file, anchor)
