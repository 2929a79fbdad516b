"""Publish in the sidebar, by keys alone: what the files would tell, then the folder that is written."""

from __future__ import annotations

import hashlib
import json

import pytest
import run_folders
from athanor.training_core.files import safetensors_metadata
from athanor.training_core.network.files import save_lora
from PIL import Image

METADATA = {
    "ss_sd_model_name": "base_model.safetensors", "ss_base_model_version": "sd_v1", "ss_network_module": "networks.lora",
    "ss_network_dim": "16", "ss_network_alpha": "8.0", "ss_epoch": "3", "ss_steps": "12", "ss_learning_rate": "0.0001",
    "ss_unet_lr": "0.0001", "ss_optimizer": "torch.optim.adamw.AdamW", "ss_output_name": "draft_7", "ss_num_train_images": "24",
    "ss_tag_frequency": json.dumps({"10_sks frog": {f"frog {i}": i for i in range(20)}}), "modelspec.date": "2026-01-02T03:04:05",
    "modelspec.title": "draft_7", "modelspec.architecture": "stable-diffusion-v1/lora", "modelspec.resolution": "512x512",
    "modelspec.trigger_phrase": "sks frog", "ss_training_started_at": "1767323045.0",
    "prompt": json.dumps({"1": {"class_type": "AthanorTrainLoRA", "inputs": {"sample_prompts": "a secret wish"}}}),
    "workflow": json.dumps({"nodes": [{"id": 1, "type": "AthanorTrainLoRA"}], "links": []}),
}  # fmt: skip


@pytest.fixture
def vue() -> bool:
    return False


@pytest.fixture
def run(site) -> str:
    """The id of a run whose last file has a star, with a comparison of that file."""
    import torch

    output, loras = site.base / "output" / "athanor", site.base / "models" / "loras"
    folder = run_folders.write(output / "runs", loras, "draft_7")
    path = loras / "draft_7.safetensors"
    save_lora(path, {"a": torch.ones(4)}, METADATA | {"athanor_run_id": folder.name})
    grid = output / "compare" / "frogs"
    grid.mkdir(parents=True)
    axes = [{"title": "strength", "values": ["0.7", "1"]}]
    plan = {"title": "draft_7  ·  euler normal", "axes": axes, "loras": {"k": [content(path)]}}
    plan["parameters"] = {"k": "a frog <lora:draft_7:0.8>\nNegative prompt: "}
    (grid / "plan.json").write_text(json.dumps(plan))
    (grid / "marks.json").write_text('{"k": {"star": true}}')
    Image.linear_gradient("L").resize((300, 200)).save(grid / "grid.png")
    return folder.name


def content(path) -> str:
    """As comparisons name a LoRA file: `fingerprint.file`, whose module needs a ComfyUI in this process."""
    stat, data = path.stat(), path.read_bytes()
    header = data[: 8 + int.from_bytes(data[:8], "little")]
    return hashlib.sha256(f"{stat.st_size} {stat.st_mtime_ns}".encode() + header).hexdigest()


def test_publish_by_keys(site, used_page, run):
    page = used_page
    page.sidebar()
    page.row("Cat").locator("button.name").click()  # its label
    opener = page.page.get_by_role("button", name="Publish", exact=True).first
    opener.focus()
    page.page.keyboard.press("Enter")
    dialog = page.page.locator("dialog.athanor-publish")
    tells, write = dialog.locator(".tells"), dialog.get_by_role("button", name="Write", exact=True)
    page.page.wait_for_function("document.querySelector('.athanor-publish .tells').innerText.includes('base_model')")
    assert dialog.locator("select").input_value() == "draft_7.safetensors"
    assert dialog.get_by_label("Name of the copy").input_value() == "draft_7"
    assert dialog.get_by_label("Trigger words").input_value() == "sks frog"
    assert "20 tags of 10_sks frog" in tells.inner_text() and "a secret wish" not in tells.inner_text()
    page.page.wait_for_function(
        "[...document.querySelectorAll('.athanor-publish .pictures img')].every((i) => i.complete && i.naturalWidth)"
    )
    assert dialog.locator(".pictures img").count() == 3
    assert "| Recommended strength | 0.8 |" in dialog.locator(".readme").inner_text()
    page.picture("publish_recipe")

    # Other choices tell more or less, and so does the description; nothing is written.
    dialog.get_by_label("All: everything").press(" ")
    page.page.wait_for_function("document.querySelector('.athanor-publish .tells').innerText.includes('a secret wish')")
    page.picture("publish_all")
    dialog.get_by_label("Minimal").press(" ")
    page.page.wait_for_function("!document.querySelector('.athanor-publish .tells').innerText.includes('base_model')")
    assert "10_sks" not in tells.inner_text() and "Learning rate" not in dialog.locator(".readme").inner_text()
    dialog.get_by_label("Recipe").press(" ")
    dialog.get_by_label("Description").fill("A frog.")
    published = site.base / "output" / "athanor" / "published"
    assert not (published / "draft_7").exists() and not (published / "Frog 1").exists()

    # Escape leaves, and the button that opened the dialog has the focus again.
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector("dialog.athanor-publish", state="detached")
    assert opener.evaluate("(button) => button === document.activeElement")

    # Written under a name of one's own.
    page.page.get_by_role("button", name="Publish draft_7-000001.safetensors").click()
    page.page.wait_for_function(
        "document.querySelector('.athanor-publish select')?.value === 'draft_7-000001.safetensors'"
    )
    dialog.locator("select").select_option("draft_7.safetensors")
    assert dialog.get_by_label("Description").input_value() == "A frog."  # as it was typed before
    dialog.get_by_label("Title").fill("Frog")
    dialog.get_by_label("Author").fill("Ada")
    dialog.get_by_label("Name of the copy").fill("frog/")
    page.page.wait_for_function(
        "document.querySelector('.athanor-publish .where').innerText.includes('cannot be one of')"
    )
    assert write.is_disabled()
    dialog.get_by_label("Name of the copy").fill("Frog 1")
    page.page.wait_for_function(
        "document.querySelector('.athanor-publish .target').innerText.includes('Frog 1.safetensors')"
    )
    assert "# Frog\n\nby Ada" in dialog.locator(".readme").inner_text()
    dialog.get_by_label("sample").uncheck()
    page.page.wait_for_function("!document.querySelector('.athanor-publish .target').innerText.includes('sample')")
    write.press("Enter")
    page.page.wait_for_selector(".athanor-publish .written")
    page.picture("publish_written")
    names = {path.name for path in (published / "Frog 1").iterdir()}
    assert names == {"Frog 1.safetensors", "grid.png", "curve.png", "README.md"}
    metadata = safetensors_metadata(published / "Frog 1" / "Frog 1.safetensors")
    assert metadata["modelspec.title"] == "Frog" and metadata["modelspec.author"] == "Ada" and "prompt" not in metadata
    assert metadata["ss_output_name"] == "Frog 1" and metadata["modelspec.trigger_phrase"] == "sks frog"
    with Image.open(published / "Frog 1" / "curve.png") as image:
        image.load()
    with page.page.expect_download() as download:
        dialog.get_by_role("link", name="Frog 1.safetensors").click()
    assert download.value.path().read_bytes() == (published / "Frog 1" / "Frog 1.safetensors").read_bytes()
    page.page.keyboard.press("Escape")

    # The same name again is refused before anything is written.
    opener.click()
    page.page.wait_for_function("document.querySelector('.athanor-publish select')?.value")
    dialog.get_by_label("Name of the copy").fill("Frog 1")
    page.page.wait_for_function("document.querySelector('.athanor-publish .where').innerText.includes('another name')")
    assert write.is_disabled()
    page.picture("publish_taken")
    page.page.keyboard.press("Escape")

    # An average of its files is saved from the same place; these hold no LoRA, which is said before anything is made.
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector("dialog.athanor-publish", state="detached")
    page.page.get_by_role("button", name="Average of epochs…").click()
    keep = page.page.get_by_role("dialog", name="Save as LoRA")
    assert keep.get_by_label("Average", exact=True).input_value() == "mean(last 4)"
    keep.get_by_text("contains no LoRA").wait_for()
    assert keep.get_by_role("button", name="Save", exact=True).is_disabled()
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector("dialog.athanor-keep", state="detached")
