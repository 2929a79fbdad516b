"""The description of a published LoRA: what stands in it, and what other people's metadata cannot do to it."""

from athanor.training_core.publish import card

METADATA = {
    "modelspec.title": "Green | frog", "modelspec.author": "Ada", "modelspec.license": "CC-BY-4.0", "ss_epoch": "10",
    "modelspec.trigger_phrase": "sks frog, swamp", "modelspec.description": "A frog.\n\n*Enjoy.*", "ss_steps": "1200",
    "modelspec.architecture": "stable-diffusion-xl-v1-base/lora", "ss_sd_model_name": "sd_xl_base_1.0.safetensors",
    "ss_network_module": "networks.lora", "ss_network_dim": "16", "ss_network_alpha": "8.0", "ss_total_batch_size": "2",
    "ss_learning_rate": "0.0001", "ss_unet_lr": "0.0001", "ss_text_encoder_lr": "5e-05", "ss_lr_scheduler": "cosine",
    "ss_optimizer": "torch.optim.adamw.AdamW(weight_decay=0.01)", "ss_resolution": "(1024, 768)", "ss_num_train_images": "24",
    "modelspec.tags": "frog, animal",
}  # fmt: skip

WHOLE = """# Green \\| frog

by Ada

A frog.

*Enjoy.*

**Trigger words:** `sks frog`, `swamp`

![Comparison](grid.png)

| | |
|---|---|
| Base model | stable-diffusion-xl-v1-base (sd_xl_base_1.0.safetensors) |
| File | `frog 2.safetensors` |
| Recommended strength | 0.7 to 1 |
| Network | LoRA, rank 16, alpha 8 |
| Training | 10 epochs, 1,200 steps, batch size 2 |
| Learning rate | 0.0001, 5e-05 (text encoder) |
| Optimizer | AdamW, cosine |
| Resolution | 1024x768 |
| Pictures | 24 |
| Licence | CC-BY-4.0 |
| Tags | frog, animal |

## Use

Put `frog 2.safetensors` into `ComfyUI/models/loras`, load it with *Load LoRA* at strength 0.7 to 1, and write \
`sks frog`, `swamp` into the prompt.

## Samples

![Sample](sample-1.png)

## Training

![Loss](curve.png)
"""


def test_a_whole_description():
    pictures = [
        card.Shown(file=name, kind=kind, label=label)
        for name, kind, label in (
            ("curve.png", "curve", "Loss"),
            ("grid.png", "grid", "Comparison"),
            ("sample-1.png", "sample", "Sample"),
        )
    ]
    assert card.markdown(METADATA, "frog 2.safetensors", [0.7, 1.0], pictures) == WHOLE


def test_nothing_is_said_of_what_is_not_known():
    assert card.markdown({}, "a.safetensors", [], []) == (
        "# a\n\n| | |\n|---|---|\n| File | `a.safetensors` |\n\n"
        "## Use\n\nPut `a.safetensors` into `ComfyUI/models/loras`, load it with *Load LoRA*.\n"
    )
    none = dict.fromkeys(METADATA, "None") | {"modelspec.architecture": "stable-diffusion-v1"}
    assert "None" not in card.markdown(none, "a.safetensors", [], []) and "## Use" not in card.markdown(
        none, "a", [], []
    )


def test_metadata_is_shown_as_text():
    """It may come from another trainer, or from nobody's good will."""
    hostile = {
        "modelspec.title": "a\n# b <script>", "ss_sd_model_name": "m | x\n|y _z_", "modelspec.trigger_phrase": "a`b`, ,c\n",
        "ss_network_dim": "1e999", "ss_learning_rate": "[" * 300, "ss_unet_lr": "[1e-4, 'x', 2e-5]", "ss_resolution": "(1, 2, 3)",
        "ss_network_args": '{"algo": "lokr"}', "ss_steps": "-3", "ss_epoch": "9" * 40, "ss_total_batch_size": "x",
    }  # fmt: skip
    text = card.markdown(hostile, "a.safetensors", [1.0], [])
    assert text.startswith("# a \\# b \\<script\\>\n") and "| Base model | m \\| x \\|y \\_z\\_ |" in text
    assert "`a b`, `c`" in text and "| Learning rate | 0.0001, 2e-05 (U-Net) |" in text and "| Network | LoKr |" in text
    assert "| Recommended strength | 1 |" in text and "Resolution" not in text


def test_pictures_are_counted_once():
    """sd-scripts' number of an epoch counts 8 pictures of a folder with 2 repeats as 16."""
    folders = '{"2_frog": {"n_repeats": 2, "img_count": 8}, "hurt": 3, "1_cat": {"img_count": 4}}'
    metadata = {"ss_num_train_images": "20", "ss_dataset_dirs": folders}
    assert "| Pictures | 12 |" in card.markdown(metadata, "a.safetensors", [], [])
    assert "| Pictures | 20 |" in card.markdown(metadata | {"ss_dataset_dirs": "{"}, "a.safetensors", [], [])
