"""Workflows that show one thing each: the first LoRA, a dataset made ready, a run that goes on, an epoch chosen."""

from __future__ import annotations

import assemble
from sheet import FIRST, Sheet
from trained import PICTURE, Trained, checkpoint, compare, models, show, tell


def quickstart() -> Sheet:
    """The demo: a creature that the small base does not know."""
    s = Sheet("quickstart")
    s.group("Model and pictures")
    s.note(
        """
        ## Your first LoRA
        Press Run: a folder of pictures becomes a LoRA, and a grid shows how it learns.

        **To change**
        1. *Load Checkpoint*: your model.
        2. *Dataset Loader*: a folder below **input** or **datasets** with pictures and captions (**cat.png**, **cat.txt**).
        3. *Bucketer*: 512 for SD1.5, 1024 for SDXL and SD3; max_bucket_reso 1024 or 2048, step 64; batch_size 1 to 4.
        4. *Optimizer Config*: learning_rate 1e-4. *Train LoRA*: 10 epochs, a name.
        5. *XYZ Compare*: prompts, width and height, cfg 5 to 7.
        """
    )
    model = checkpoint(s, assemble.NAME)
    run = Trained(s, model["MODEL"], model["CLIP"], model["VAE"])
    s.column()
    dataset = s.add("AthanorDatasetLoader", folder="athanor-demo")
    buckets = run.buckets(
        dataset["dataset"], 128, min_bucket_reso=64, max_bucket_reso=256, bucket_reso_steps=32, batch_size=6
    )
    s.column()
    show(s, buckets["contact_sheet"], "Contact sheet")
    s.group("Settings")
    run.config("network", rank=32, alpha=32.0)
    run.config("loss")
    s.column()
    run.config("noise")
    run.config(
        "optimizer", optimizer_args="weight_decay=0.01 betas=0.9,0.99", learning_rate=0.003, lr_scheduler="cosine",
        lr_warmup_steps="0.05",
    )  # fmt: skip
    s.group("Training")
    trained = run.train("athanor_demo/sprout", epochs=80, seed=1, save_every_n_epochs=16)
    s.add("SaveImage", "Loss curve", PICTURE, images=trained["loss_curve"], filename_prefix="athanor/loss_curve")
    s.group("Base model and epochs")
    compare(
        s, "Epochs over prompts", run=trained["run"], columns="prompt",
        prompts="red sprout at the left, sky background\nblue sprout in the center, sand background\n"
        "yellow sprout at the right, navy background\ngreen circle in the center, gray background\nphoto of a rose",
        strengths="1", width=128, height=128, cfg=2.5, **models(model),
    )  # fmt: skip
    return s


def dataset_preparation() -> Sheet:
    """From two taggers' captions to buckets, nothing trained."""
    s = Sheet("2 Prepare a dataset")
    s.group("Two taggers, one caption")
    s.note(
        """
        ## Make a dataset ready
        Nothing is trained here: look, change, run again. From left to right, and below: the tags of two taggers become one caption; the \
        doctor names what is wrong; captions are edited; rare folders get more repeats; and the sheets show what will be cropped.

        **To change**
        1. The two *Load Image-Text* nodes: the same pictures in two folders of **input**, with captions of two taggers (or the \
        captions of any tagger node in their place). Not needed: take the link off *Dataset Loader*.
        2. *Dataset Loader*: your folder, with sub-folders **3_outfit**.
        3. *Dataset Doctor* and *Bucketer*: your resolution and batch size.
        4. *Caption Edit*: your trigger and rules. Captions stay in memory until *write_files* is on.

        Then take the last link, *buckets*, to *Train LoRA*.
        """
    )
    s.column()
    one = s.add("LoadImageTextDataSetFromFolder", "Pictures, first tagger", folder="my_character_tagger_a")
    two = s.add("LoadImageTextDataSetFromFolder", "The same, second tagger", folder="my_character_tagger_b")
    merged = s.add("AthanorMergeTags", captions_1=one["texts"], captions_2=two["texts"], mode="union")
    tell(s, merged["report"], "What the taggers agree on")
    s.column()
    tagged = s.add("AthanorDatasetFromImages", images=one["images"], captions=merged["captions"], repeats=3)
    s.group("What is there, and what is wrong")
    loader = s.add(
        "AthanorDatasetLoader", folder="my_character", shuffle_caption=True, keep_tokens=1, dataset=tagged["dataset"]
    )
    s.column()
    doctor = s.add(
        "AthanorDatasetDoctor", dataset=loader["dataset"], resolution=512, batch_size=2, stop_on_errors=False
    )
    tell(s, doctor["text"], "The doctor's findings")
    show(s, doctor["report"], "The doctor's report")
    s.group("Captions")
    edited = s.add(
        "AthanorCaptionEdit", dataset=doctor["dataset"], underscores=True, replace="blonde hair -> blond hair",
        merge="red hair + long hair -> long red hair", remove="watermark, signature, artist name", front="1girl, solo",
        trigger="mychar",
    )  # fmt: skip
    tell(s, edited["changes"], "What changed")
    tell(s, edited["tag_table"], "Tags and how often")
    s.group("Repeats and buckets")
    balanced = s.add("AthanorBalanceRepeats", dataset=edited["dataset"], by="sub-folders", max_repeats=20)
    tell(s, balanced["table"], "Repeats before and after")
    buckets = s.add("AthanorBucketer", dataset=balanced["dataset"], width=512, height=512, batch_size=2)
    tell(s, buckets["summary"], "Buckets in words")
    s.column()
    show(s, buckets["contact_sheet"], "Contact sheet: what is cropped")
    show(s, buckets["histogram"], "Pictures per bucket")
    return s


CAPTION = (
    "Describe this picture in one or two plain sentences, to train a model of images on it. Begin with the subject; then what it "
    "wears, does and holds, the place, the light, and the kind of picture. Tell only what can be seen: no guesses, no praise, no "
    "list, and no words such as 'the image shows'."
)


def caption_pictures() -> Sheet:
    """The host's own language model looks at each picture, and its sentences go into files beside them."""
    s = Sheet("2 Caption pictures", 300)
    s.group("1, 2  Choose")
    s.note(
        """
        # Caption pictures

        1 Choose the captioner in *Load CLIP*\\
        2 Choose or upload pictures in *Dataset Loader*\\
        3 Press *Run*\\
        4 Read and correct them: *Open dataset*
        ---

        Captioners are language models that see, in *models/text_encoders*:
        - [qwen3vl_4b_fp8_scaled](https://huggingface.co/Comfy-Org/Qwen3-VL)
        - [qwen3.5_4b_bf16](https://huggingface.co/Comfy-Org/Qwen3.5)
        - [gemma4_e4b_it_fp8_scaled](https://huggingface.co/Comfy-Org/gemma-4)

        *cat.png* gets *cat.txt*. Files that are there stay, unless *Dataset Images* and *Save Captions* are set to *all* (with backup).

        **Tags?** Put a WD14 tagger in place of *Load CLIP* and *Generate Text*; *Merge Tags* joins several.
        """,
        330,
    )
    s.column()
    clip = s.add("CLIPLoader", clip_name="qwen3vl_4b_fp8_scaled.safetensors")
    loader = s.add("AthanorDatasetLoader")
    s.group("3  Run")
    pictures = s.add("AthanorDatasetImages", dataset=loader["dataset"], most=50)
    # Without sampling: the same picture gets the same caption, and nothing is made up for variety.
    said = s.add(
        "TextGenerate", "", (0, 300), clip=clip["CLIP"], image=pictures["images"], prompt=CAPTION, max_length=200,
        sampling_mode="off",
    )  # fmt: skip
    s.column()
    s.add(
        "AthanorSaveCaptions", "", (0, 300), dataset=loader["dataset"], captions=said["generated_text"],
        names=pictures["names"],
    )  # fmt: skip
    return s


def continue_a_run() -> Sheet:
    """More epochs, and another training on top of a file."""
    s = Sheet("2 Continue a run")
    s.group("Model and pictures")
    s.note(
        """
        ## Go on with a run
        **The same run, longer.** Run this with *epochs* 10. Then set *epochs* of *Train: my_character* to 20 and run again: it \
        goes on from epoch 10, optimizer and all. So it does after Interrupt, *Stop and keep* or a crash: just run again. (A \
        constant learning rate fits best; a cosine is a different one when the run is longer.)

        **Another training from its file.** *Train: refined* begins with the file that *network_weights* names (the link from \
        *lora_name*, or a file of any trainer), with other pictures, resolution and rate. *Network Config* must be as in the file: \
        *LoRA Info* tells it, and its output *network* can stand in.

        **To change:** checkpoint, folders, names, learning rates.
        """
    )
    model = checkpoint(s, FIRST)
    first = Trained(s, **models(model))
    s.column()
    first.data("my_character", 512, {"batch_size": 2}, repeats=10, shuffle_caption=True, keep_tokens=1)
    s.group("1  The run: 10 epochs, then 20")
    first.config("network", rank=16, alpha=8.0)
    first.config("optimizer", optimizer_type="AdamW", learning_rate=1e-4, lr_scheduler="constant")
    s.column()
    run = first.train("my_character", "Train: my_character", epochs=10)
    s.group("2  From its file: finer pictures, a lower rate")
    second = Trained(s, **models(model))
    second.data("my_character_best", 768, {"batch_size": 1}, repeats=10, shuffle_caption=True, keep_tokens=1)
    s.column()
    second.config("network", rank=16, alpha=8.0, network_weights=run["lora_name"])
    second.config("optimizer", optimizer_type="AdamW", learning_rate=3e-5, lr_scheduler="cosine", lr_warmup_steps="5%")
    s.column()
    refined = second.train("my_character_refined", "Train: refined", epochs=5)
    s.group("Both losses")
    show(s, s.add("AthanorLossCompare", first=run["run"], second=refined["run"])["plot"], "Loss of both")
    s.group("Before and after")
    one = s.add("AthanorLoRARunAxis", "Last of my_character", run=run["run"], epochs="last")
    two = s.add(
        "AthanorLoRARunAxis",
        "Epochs of refined",
        run=refined["run"],
        epochs="all",
        include_base=False,
        axis=one["axis"],
    )
    s.column()
    compare(
        s, "The run and its refinement", y=two["axis"], columns="prompt", strengths="1", seeds="1",
        prompts="mychar, 1girl, portrait\nmychar, 1girl, full body, outdoors", negative="lowres, bad anatomy", width=512, height=768,
        **models(model),
    )  # fmt: skip
    return s


def pick_my_epoch() -> Sheet:
    """Files of any trainer, nothing trained."""
    s = Sheet("2 Pick my epoch")
    s.group("Model")
    s.note(
        """
        ## Which epoch, at which strength?
        For files that are there already, of any trainer: **my_character-000002**, **my_character-000004** ... **my_character**.

        1. **Far and wide**: five epochs spread over the run, by strengths.
        2. **Near**: the epochs you liked, with several seeds at one strength.

        **To change**
        1. *Load Checkpoint*: the base you draw with.
        2. *source* of both *LoRA Run Axis*: the LoRA's name, a folder or **name-\\***.
        3. Prompts, size, cfg; in step 2 *epochs* (**6, 8, last**) and *strengths*.

        *XYZ Plan* says beforehand how many pictures there are and how long they take. What is drawn is kept: a further value costs \
        only its own pictures. *XYZ Grid Image* draws the grid again, the other way round.
        """
    )
    model = checkpoint(s, FIRST)
    looks = {
        "negative": "lowres, bad anatomy", "width": 512, "height": 768, "steps": 24, "cfg": 6.0,
        "sampler_name": "dpmpp_2m", "scheduler": "karras", **models(model),
    }  # fmt: skip
    prompt = "mychar, 1girl, portrait, smile"
    s.group("1  Far and wide")
    far = s.add("AthanorLoRARunAxis", source="my_character", epochs="5 even")
    strengths = s.add("AthanorXYZAxis", type="LoRA strength", values="0.6-1(0.2)")
    s.add(
        "AthanorXYZPlan", "XYZ Plan: what it will cost", x=strengths["axis"], y=far["axis"], prompts=prompt, seeds="1",
        **looks,
    )  # fmt: skip
    s.column()
    grid = compare(s, "Epochs and strengths", x=strengths["axis"], y=far["axis"], prompts=prompt, seeds="1", **looks)
    s.group("2  Near")
    near = s.add("AthanorLoRARunAxis", source="my_character", epochs="last 3", include_base=False)
    seeds = s.add("AthanorXYZAxis", type="seed", values="1-4")
    s.add(
        "AthanorXYZGridImage", "Step 1, the other way round", (0, 500), comparison=grid["comparison"], swap="swap x and y",
        cell_size=384,
    )  # fmt: skip
    s.column()
    compare(
        s, "Epochs and seeds", x=seeds["axis"], y=near["axis"], strengths="0.8",
        prompts=f"{prompt}\nmychar, 1girl, full body, outdoors", **looks,
    )  # fmt: skip
    return s


ALL = (quickstart, caption_pictures, dataset_preparation, continue_a_run, pick_my_epoch)
