"""Requests that nobody should send, to all routes of the pack: no error 500, nothing read or written outside of its folders."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import quote

import athanor
import fuzz
import graphs
import pytest
import routes
import run_folders
from aiohttp import ClientTimeout
from athanor.training_core.history import registry
from PIL import Image
from yarl import URL

KEY = "a" * 24
SECRET = "a-secret-beside-the-folders"
PLAN = {
    "title": "t", "axes": [{"title": "steps", "values": ["1"]}], "cells": [KEY], "order": [KEY], "sizes": {KEY: [32, 32]},
    "parameters": {KEY: "p"}, "loras": {}, "seeds": {}, "family": "f",
    "virtual": {"loras": {KEY: [["cat.safetensors", 0.5, 0.5, ""], ["cat-000001.safetensors", 0.5, 0.5, "mid 0"]]}},
}  # fmt: skip
TALES = (
    "..", "../..", "..%2f..", "%2e%2e%2f%2e%2e%2fsecret.txt", "..%5c..%5csecret.txt", "....//secret.txt", "%252e%252e%252f", "%00",
    "a%00.png", "%ED%A0%80", "%ED%A0%80.png", "%ff%fe.png", "%C0%AE%C0%AE%2fsecret.txt", "a" * 300, "a" * 300 + ".png",
    "%E9%9B%AA" * 100 + ".png", "%F0%9F%98%80" * 80, "con", "CON.png", "a%0d%0aX: y", "~", ".", "", "%2f", "%2fetc%2fpasswd",
    "-1", "0", "1e9", "9" * 30, "NaN", "%C2%B2", "0x10", "%", "%zz", "*", "[a]", "a;b", "secret.txt", "job.json", "a?b=c#d",
)  # fmt: skip
"""Last parts of addresses."""
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**53, 2**70, 10**400, 1.5, 1e308, "", " ", "x", "..", "../../secret.txt", "..\\..\\secret.txt",
    "/etc/passwd", "C:\\x", "\0", "a\0b", "a" * 300, "雪" * 120, "a" * 100_000, "\ud800", "😀", "con", "a\nb", "a/../../b", ".x",
    "cat.safetensors", "cat-000001.safetensors", KEY, [], {}, [[]], {"a": {}}, [None], ["b", 0], ["n", 0], ["n", 10**400],
)  # fmt: skip
"""Values in bodies."""


@pytest.fixture(scope="module")
def place(comfy, tmp_path_factory):
    """(the server's routes, the folder that ComfyUI's folders lie in, id of a run)."""
    base = tmp_path_factory.mktemp("requests")
    with pytest.MonkeyPatch.context() as patch:
        routes.comfyui_folders(base / "comfy", patch)
        (base / "secret.txt").write_text(SECRET)
        (base / "comfy" / "secret.txt").write_text(SECRET)
        Image.new("RGB", (9, 9)).save(base / "comfy" / "secret.png")
        graphs.draw_dataset(base / "comfy" / "input" / "ds", 2)
        root = base / "comfy" / "output" / "athanor" / "runs"
        folder = run_folders.write(root, base / "comfy" / "models" / "loras", "cat")
        comparison = base / "comfy" / "output" / "athanor" / "compare" / "grid"
        (comparison / "cells").mkdir(parents=True)
        (comparison / "plan.json").write_text(json.dumps(PLAN))
        Image.new("RGB", (32, 32)).save(comparison / "cells" / f"{KEY}.png")
        yield routes.table(patch), base, folder.name
        registry._records.clear()


HELP = f"/extensions/{quote(Path(athanor.__file__).parent.name)}/docs"
QUERIES = ("name", "short", "since", "after", "points", "first", "count", "text", "tag", "bucket", "finding", "side")


def request(rng: random.Random, run: str) -> tuple[str, str, bytes | None, str]:
    """(method, address, body, Content-Type) of one request."""
    tale = rng.choice(TALES)
    names = [run, run, run, "0123456789abcdef", "d0123456789abcdef", tale]
    addresses = [
        "/athanor/runs", f"/athanor/runs/{rng.choice(names)}", f"/athanor/runs/{rng.choice(names)}/samples/{tale}",
        f"/athanor/runs/{rng.choice(names)}/pictures/{tale}", f"/athanor/runs/{rng.choice(names)}/{tale}",
        *(f"/athanor/runs/{rng.choice(names)}/{what}" for what in ("metrics", "review", "graph", "report")),
        "/athanor/compare", f"/athanor/compare/{rng.choice(('grid', tale))}", f"/athanor/compare/grid/cells/{tale}",
        f"/athanor/runs/{rng.choice(names)}/publish", f"/athanor/runs/{run}/publish/picture?file=cat.safetensors&id={tale}",
        f"/athanor/runs/{rng.choice(names)}/files", f"/athanor/runs/{run}/files/{rng.choice((tale, 'cat.safetensors', 'report.html'))}",
        f"/athanor/compare/{rng.choice(('grid', tale))}/files", f"/athanor/compare/grid/files/{rng.choice((tale, 'viewer.zip'))}",
        "/athanor/disk", "/athanor/trash", "/athanor/published",
        f"/athanor/published/{tale}", f"/athanor/published/{rng.choice(('cat', tale))}/{tale}",
        f"/athanor/compare/{tale}/cells/{KEY}.png", f"/athanor/datasets/{rng.choice(names)}",
        *(f"/athanor/datasets/{rng.choice(names)}/{what}" for what in ("pictures", "terms", f"thumbnails/{tale}")),
        "/athanor/folders", f"/athanor/folders/one?folder={tale}", f"/athanor/folders/thumbnail?folder=ds&file={tale}",
        f"/athanor/folders/thumbnail?folder={tale}&file=a.png",
        "/athanor/lists", "/athanor/grids", f"/athanor/axis/names?type={rng.choice(('sampler', tale))}", "/athanor/compare/grid/grid",
        f"/athanor/compare/grid/lora/{rng.choice((KEY, KEY, tale))}?rank={tale}", "/athanor/making",
        f"/athanor/runs/{run}/average?which={rng.choice(('mean(all)', 'ema(0.1)', f'mean({tale})', tale))}",
        "/athanor/presets", f"/athanor/presets/family?{rng.choice(('ckpt_name', 'unet_name', 'x'))}={tale}",
        f"{HELP}/{tale}/{tale}.md", f"{HELP}/AthanorTrainLoRA/{'z' * rng.choice((2, 300))}.md",
    ]  # fmt: skip
    posts = [
        *(f"/athanor/runs/{rng.choice(names)}/{what}" for what in ("star", "copy", "discard", "stop", "save", "sample")),
        *(f"/athanor/runs/{run}/{what}" for what in ("star", "copy", "publish", "publish/preview", "labels")),
        *(f"/athanor/{what}" for what in ("differences", "trash", "trash/states", "trash/restore", "trash/empty")),
        f"/athanor/compare/{rng.choice(('grid', tale))}/marks", f"/athanor/compare/{rng.choice(('grid', tale))}/portable",
        f"/athanor/upload?folder={rng.choice(('ds', tale))}&file={rng.choice(('a.png', tale))}&replace=1",
        "/athanor/upload/plan", "/athanor/upload/there", *3 * ("/athanor/datasets",), f"/athanor/datasets/{rng.choice(names)}/findings",
        "/athanor/presets", "/athanor/presets", "/athanor/presets/delete", "/athanor/axis/pictures",
        f"/athanor/compare/{rng.choice(('grid', 'grid', tale))}/lora", f"/athanor/runs/{run}/average", "/athanor/making/stop",
        "/athanor/averages/delete", "/athanor/recipes/read", "/athanor/recipes/export",
        *(f"/athanor/{kept}{act}" for kept in ("lists", "grids") for act in ("", "/rename", "/delete")),
    ]  # fmt: skip
    if rng.random() < 0.5:
        query = rng.choice(("", "", f"?{rng.choice(QUERIES)}={tale}"))
        return "GET", rng.choice(addresses) + query, None, ""
    kind = rng.choice(
        ("application/json",) * 8 + ("application/octet-stream", "text/plain", "application/json; charset=utf-16", "x")
    )
    return "POST", rng.choice(posts), body(rng), kind


def body(rng: random.Random) -> bytes:
    """A body: the right fields with odd values, a graph of odd nodes, or hurt JSON."""
    way = rng.randrange(10)
    if way == 0:
        depth = rng.choice((50, 150, 1000, 100_000))
        return rng.choice((b"[" * depth, b'{"a":' * depth, b'{"file":' + b"[" * depth + b"]" * depth + b"}"))
    if way == 1:
        return rng.randbytes(rng.choice((0, 3, 300)))
    if way == 2:
        return b'{"file": "cat.safetensors", "name": "\xed\xa0\x80"}'
    names = ("file", "name", "on", "cell", "star", "reject", "note", "node", "metadata", "title", "trigger", "pictures",
             "runs", "names", "loras", "label", "rating", "tags", "archived", "folder", "files", "existing", "settings",
             "families", "purposes", "about", "replace", "to", "type", "values", "nodes", "graph",
             "which", "rank", "precision", "part")  # fmt: skip
    value: dict[str, Any] = {name: rng.choice(VALUES) for name in names if rng.random() < 0.7}
    if rng.random() < 0.6:
        value |= {"file": rng.choice(("cat.safetensors", "cat-000002.safetensors")), "cell": KEY}
        value |= {"metadata": rng.choice(("all", "recipe", "minimal")), "title": "x"} if rng.random() < 0.5 else {}
    if rng.random() < 0.6:
        value |= {"node": "n", "prompt": prompt(rng), "which": rng.choice(("mean(all)", "lerp(1, 2, 0.5)"))}
    if rng.random() < 0.4:
        group = {field: rng.choice(VALUES) for field in ("rank", "alpha", "train", "seed") if rng.random() < 0.4}
        value |= {"settings": {rng.choice(("network", "x")): rng.choice((group, {"rank": 4}, rng.choice(VALUES)))}}
    if rng.random() < 0.3:
        graph = {"n": {"class_type": "AthanorXYZCompare", "inputs": {"x": ["a", 0], "seeds": rng.choice(VALUES)}}}
        graph["a"] = {
            "class_type": "AthanorXYZAxis",
            "inputs": {"type": rng.choice(VALUES), "values": rng.choice(VALUES)},
        }
        value |= {"nodes": graph | prompt(rng), "graph": graph, "type": "cfg", "values": rng.choice(("1, 2", 3))}
    if rng.random() < 0.2:
        text = rng.choice(
            ("--network_dim=8 --output_name=x", "rank: 32\nfolder: ../..", "UEs=", "[[datasets]]", rng.choice(VALUES))
        )
        value["files"] = [{"name": rng.choice(VALUES), rng.choice(("text", "base64")): text}]
    if rng.random() < 0.2:
        train = {
            name: rng.choice(VALUES) for name in ("epochs", "output_name", "seed", "network") if rng.random() < 0.5
        }
        links = {"buckets": ["n", 0], "model": ["n", rng.choice((0, "x"))]} if rng.random() < 0.7 else {}
        graph = prompt(rng) | {"t": {"class_type": "AthanorTrainLoRA", "inputs": train | links}}
        value |= {"form": rng.choice(("command", "job", "api", "table", "civitai")), "prompt": graph, "node": "t"}
        value |= {"run": rng.choice(VALUES)} if rng.random() < 0.2 else {}
    data = json.dumps(value).encode()
    return fuzz.hurt(data, rng) if rng.random() < 0.1 else data


def prompt(rng: random.Random) -> Any:
    """A graph whose node n is asked for: long, with loops, with odd values."""
    kinds = (
        "AthanorDatasetLoader",
        "AthanorBucketer",
        "AthanorDatasetDoctor",
        "AthanorCaptionEdit",
        "AthanorBalanceRepeats",
    )
    if rng.random() < 0.1:
        length = rng.choice((10, 1500, 5000))
        long = {f"{i}": {"class_type": kinds[2], "inputs": {"dataset": [f"{i + 1}", 0]}} for i in range(length)}
        return long | {"n": {"class_type": kinds[2], "inputs": {"dataset": ["0", 0]}}}
    names = (
        "folder",
        "repeats",
        "width",
        "batch_size",
        "resolution",
        "keep_tokens",
        "mask_folder",
        "control_folder",
        "trigger",
        "text",
        "replace",
    )

    def node() -> Any:
        inputs = {name: rng.choice(VALUES) for name in names if rng.random() < 0.25}
        inputs |= {"dataset": rng.choice((["b", 0], ["n", 0], ["b"], None))} if rng.random() < 0.8 else {}
        return (
            {"class_type": rng.choice((*kinds, "Other", 3)), "inputs": inputs}
            if rng.random() < 0.95
            else rng.choice(VALUES)
        )

    loader = {
        "class_type": kinds[0],
        "inputs": {"folder": rng.choice(("ds", *filter(lambda v: isinstance(v, str), VALUES)))},
    }
    return {"n": node(), "b": rng.choice((loader, loader, node()))}


def test_requests_that_nobody_should_send(place):
    table, base, run = place
    rng = fuzz.generator("requests")
    cases = [request(rng, run) for _ in range(fuzz.cases(2000, 40))]
    before = {path: stat for path, stat in routes.every_file(base).items() if not path.startswith("comfy/")}
    comfy = routes.every_file(base / "comfy")

    async def ask(client):
        for case in cases:
            method, path, data, kind = case
            url = URL(f"http://127.0.0.1:{client.port}{path.replace(' ', '%20')}", encoded=True)
            headers = {"Content-Type": kind} if kind else {}
            with fuzz.no_hang(case):
                async with client.session.request(method, url, data=data, headers=headers, timeout=WAIT) as got:
                    content = await got.read()
            check(case, got.status, content)
        return True

    assert routes.served(table, ask)
    after = routes.every_file(base)
    assert before == {path: stat for path, stat in after.items() if not path.startswith("comfy/")}
    changed = {p for p, stat in routes.every_file(base / "comfy").items() if comfy.get(p) != stat} | (
        comfy.keys() - {p.removeprefix("comfy/") for p in after}
    )
    wrong = [path for path in changed if not path.startswith(MAY_CHANGE)]
    assert not wrong


WAIT = ClientTimeout(total=20)
MAY_CHANGE = (
    "user/athanor/presets",
    "user/athanor/lists",
    "user/athanor/grids",
    "input/",
    "models/loras",
    "output/athanor/runs/",
    "output/athanor/compare/grid",
    "temp/athanor",
    "output/athanor",
)


def check(case: tuple, status: int, content: bytes) -> None:
    """Fail for an answer that tells what nobody should know, or that is no answer."""
    assert status in (200, 400, 403, 404, 405, 409, 413, 422), (status, case, content[:500])
    assert SECRET.encode() not in content and b"root:x:" not in content, case
    if status >= 400 and case[1].startswith("/athanor/"):
        fuzz.check_message(json.loads(content)["error"])
    if status == 200 and content[:1] in b"{[":
        json.loads(content, parse_constant=lambda name: pytest.fail(f"{name}: {case}"))
