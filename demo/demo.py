"""The main job, end to end: start ComfyUI with the pack, queue the quickstart graph, show where the results are."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import prepare
import workflow
from host import Host, error_message
from safetensors import safe_open


def has_gpu() -> bool:
    """Whether torch sees a device that ComfyUI would use."""
    import torch

    return (
        torch.cuda.is_available()
        or torch.backends.mps.is_available()
        or (hasattr(torch, "xpu") and torch.xpu.is_available())
    )


def own_folders(base: Path, arguments: argparse.Namespace) -> tuple[str, ...]:
    """Server options that let ComfyUI see the user's model and pictures where they are."""
    checkpoint, images = arguments.checkpoint, arguments.images
    for path, name in ((checkpoint, "--checkpoint"), (images, "--images")):
        if path is not None and not path.exists():
            sys.exit(f"{name} {path} does not exist; give an existing path.")
    if (checkpoint is None) != (images is None):
        sys.exit("Give --checkpoint and --images together, or neither.")
    if checkpoint is None:
        return ()
    target = base / "models" / "checkpoints" / checkpoint.name
    if not target.exists():  # the file alone: ComfyUI would search its whole folder
        target.unlink(missing_ok=True)
        try:
            os.link(checkpoint.resolve(), target)
        except OSError:
            target.symlink_to(checkpoint.resolve())
    config = base / "own_folders.yaml"
    folders = {"datasets": str(images.resolve().parent)}
    config.write_text(json.dumps({"own": folders}), encoding="utf-8")  # JSON is YAML
    return ("--extra-model-paths-config", str(config))


def own_inputs(prompt: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Swap the user's model and pictures into the graph."""
    checkpoint, images = arguments.checkpoint, arguments.images
    if checkpoint is None:
        return
    with safe_open(checkpoint, "pt") as file:
        large = any(k.startswith(("conditioner.", "model.diffusion_model.joint_blocks")) for k in file.keys())  # noqa: SIM118
    side = arguments.resolution or (1024 if large else 512)
    captions = []
    for file in sorted(images.rglob("*.txt")):
        captions += file.read_text(encoding="utf-8-sig", errors="replace").strip().splitlines()[:1]
    settings = {
        "CheckpointLoaderSimple": {"ckpt_name": checkpoint.name},
        "AthanorDatasetLoader": {"folder": images.resolve().name},
        "AthanorBucketer": {
            "width": side,
            "height": side,
            "min_bucket_reso": side // 2,
            "max_bucket_reso": side * 2,
            "bucket_reso_steps": 64,
            "batch_size": 1,
        },
        "AthanorOptimizerConfig": {"learning_rate": 1e-4},
        "AthanorTrainLoRA": {"output_name": f"athanor_demo/{images.resolve().name}", "gradient_checkpointing": "all"},
        "AthanorXYZCompare": {
            "prompts": "\n".join(dict.fromkeys(captions[:3])) or "photo",
            "width": side,
            "height": side,
            "cfg": 6.0,
        },
    }
    for kind, values in settings.items():
        for inputs in workflow.nodes_of(prompt, kind):
            inputs.update(values)


def show_progress(host: Host, prompt_id: str, prompt: dict[str, Any]) -> None:
    """Print what the nodes say while they work, at most a line every 3 seconds each, until the job is over."""
    import asyncio

    import aiohttp

    ends = ("execution_success", "execution_error", "execution_interrupted")

    async def follow() -> None:
        said: dict[str, float] = {}
        address = f"{host.url}/ws?clientId={CLIENT}"
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            if host.get("/queue")["queue_running"] == host.get("/queue")["queue_pending"] == []:
                return
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY and message.data[:4] == b"\x00\x00\x00\x03":
                    end = 8 + int.from_bytes(message.data[4:8], "big")  # a node's text line
                    node, text = message.data[8:end].decode(), message.data[end:].decode()
                    if time.monotonic() - said.get(node, 0) > 3:
                        said[node] = time.monotonic()
                        print(f"  {prompt[node]['_meta']['title']}: {', '.join(text.splitlines())}", flush=True)
                elif message.type is aiohttp.WSMsgType.TEXT:
                    event = json.loads(message.data)
                    if event["type"] in ends and event["data"].get("prompt_id") == prompt_id:
                        return

    asyncio.run(follow())


CLIENT = "athanor-demo"


def main() -> int:
    """Run the demo; 0 if everything went well."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--resolution", type=int)
    parser.add_argument("--epochs", type=int)
    arguments = parser.parse_args()
    started, clock = time.monotonic(), time.time() - 1
    print("Preparing the demo model and pictures ...", flush=True)
    base = prepare.prepare()
    graph = json.loads(prepare.QUICKSTART.read_text(encoding="utf-8"))
    host = Host(Path(os.environ["COMFYUI_PATH"]), base, cpu=not has_gpu(), extra=own_folders(base, arguments))
    host.log_path.unlink(missing_ok=True)
    print("Starting ComfyUI ...", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends ComfyUI as well
    with host:
        prompt = workflow.to_prompt(graph, host.get("/object_info"))
        own_inputs(prompt, arguments)
        if arguments.epochs:
            for inputs in workflow.nodes_of(prompt, "AthanorTrainLoRA"):
                inputs["epochs"] = arguments.epochs
        print("Training and comparing:", flush=True)
        try:
            prompt_id = host.queue(prompt, graph, CLIENT)
        except ValueError as error:
            print(f"ComfyUI refused the graph: {error}", file=sys.stderr)
            return 1
        show_progress(host, prompt_id, prompt)
        job = host.finish(prompt_id)
        entry = host.get(f"/history/{prompt_id}")[prompt_id]
    if job["status"] != "completed":
        print(f"The job ended as {job['status']}: {error_message(entry)}", file=sys.stderr)
        return 1
    files = {"grid": [], "loss curve": []}
    for key, output in entry["outputs"].items():
        if kind := {"AthanorXYZCompare": "grid", "SaveImage": "loss curve"}.get(prompt[key]["class_type"]):
            for image in output.get("images", []):
                files[kind].append(base / image["type"] / image["subfolder"] / image["filename"])
    name = workflow.nodes_of(prompt, "AthanorTrainLoRA")[0]["output_name"]
    written = (base / "models" / "loras").glob(f"{name}*.safetensors")
    loras = sorted((p for p in written if p.stat().st_mtime >= clock), key=lambda p: p.stat().st_mtime)
    print(f"\nDone in {time.monotonic() - started:.0f} s.")
    for title, paths in (("LoRA", loras), ("loss curve", files["loss curve"]), ("grid", files["grid"])):
        for path in paths:
            print(f"  {title:<10}  {path}")
    print("\nSee the same graph in the browser: python dev.py serve, then Workflows > quickstart.")
    if trouble := host.trouble():
        print(f"ComfyUI's log has trouble ({host.log_path}):\n" + "\n".join(trouble), file=sys.stderr)
        return 1
    if not (loras and files["grid"] and files["loss curve"]):
        print(f"Some results are missing; see {host.log_path}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
