"""The tables of sd-scripts' bucket arithmetic."""

import pytest
from athanor.training_core.data.buckets import (
    bucket_sizes,
    bucket_table,
    choose,
    choose_no_upscale,
    place,
    recorded_crop,
)
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import BucketSettings, parse


def table(settings: BucketSettings):
    return bucket_table((settings.width, settings.height), settings)


@pytest.mark.parametrize(
    ("resolution", "low", "high", "step", "count"),
    [((1024, 1024), 256, 4096, 64, 97), ((1024, 1024), 256, 2048, 64, 41), ((512, 512), 256, 1024, 64, 17)],
)
def test_number_of_buckets(resolution, low, high, step, count):
    assert len(bucket_sizes(resolution, low, high, step)) == count


SDXL = [  # image, bucket, resized, crop (left, top)
    ((1250, 800), (1216, 832), (1300, 832), (42, 0)),
    ((800, 1250), (768, 1280), (819, 1280), (25, 0)),
    ((1024, 1024), (1024, 1024), (1024, 1024), (0, 0)),
    ((512, 512), (1024, 1024), (1024, 1024), (0, 0)),
    ((1920, 1080), (1344, 768), (1365, 768), (10, 0)),
    ((1080, 1920), (768, 1344), (768, 1365), (0, 10)),
    ((3000, 2000), (1216, 832), (1248, 832), (16, 0)),
    ((2000, 3000), (832, 1216), (832, 1248), (0, 16)),
    ((800, 600), (1152, 896), (1195, 896), (21, 0)),
    ((600, 800), (896, 1152), (896, 1195), (0, 21)),
    ((4000, 1000), (2048, 512), (2048, 512), (0, 0)),
    ((6000, 400), (3840, 256), (3840, 256), (0, 0)),
    ((257, 1999), (320, 2752), (354, 2752), (17, 0)),
    ((1100, 1000), (1088, 960), (1088, 989), (0, 14)),
    ((1000, 1100), (960, 1088), (989, 1088), (14, 0)),
    ((1365, 768), (1344, 768), (1365, 768), (10, 0)),
]


@pytest.mark.parametrize(("image", "bucket", "resized", "crop"), SDXL)
def test_sdxl_table(image, bucket, resized, crop):
    got = place(image, table(BucketSettings(width=1024, height=1024, min_bucket_reso=256, max_bucket_reso=4096)))
    assert (got.bucket, got.resized, got.crop) == (bucket, resized, crop)


@pytest.mark.parametrize(
    ("image", "bucket", "resized", "crop"),
    [
        ((512, 512), (512, 512), (512, 512), (0, 0)),
        ((1920, 1080), (640, 384), (683, 384), (21, 0)),
        ((1080, 1920), (384, 640), (384, 683), (0, 21)),
        ((3000, 2000), (640, 384), (640, 427), (0, 21)),
        ((800, 600), (576, 448), (597, 448), (10, 0)),
    ],
)
def test_sd15_table(image, bucket, resized, crop):
    got = place(image, table(BucketSettings()))
    assert (got.bucket, got.resized, got.crop) == (bucket, resized, crop)


@pytest.mark.parametrize(
    ("image", "bucket", "resized", "crop"),
    [
        ((2048, 2048), (2048, 2048), (2048, 2048), (0, 0)),
        ((1024, 1024), (1024, 1024), (1024, 1024), (0, 0)),
        ((4000, 4000), (2048, 2048), (2048, 2048), (0, 0)),
        ((3000, 2000), (2496, 1664), (2496, 1664), (0, 0)),
        ((1920, 1080), (1920, 1056), (1920, 1080), (0, 12)),
        ((3840, 2160), (2720, 1536), (2731, 1536), (5, 0)),
        ((4096, 2160), (2784, 1472), (2791, 1472), (3, 0)),
        ((1000, 700), (992, 672), (1000, 700), (4, 14)),
        ((333, 777), (320, 768), (333, 777), (6, 4)),
        ((5000, 1000), (4480, 896), (4480, 896), (0, 0)),
        ((8000, 600), (7232, 544), (7253, 544), (10, 0)),
        ((2500, 2501), (2048, 2048), (2048, 2049), (0, 0)),
        ((1023, 4097), (992, 4096), (1023, 4097), (15, 0)),
    ],
)
def test_no_upscale_table(image, bucket, resized, crop):
    settings = BucketSettings(
        width=2048, height=2048, bucket_no_upscale=True, bucket_reso_steps=32, max_bucket_reso=1024
    )
    got = place(image, table(settings))
    assert (got.bucket, got.resized, got.crop) == (bucket, resized, crop)


def test_a_picture_below_one_step_is_refused():
    assert choose_no_upscale((31, 100), (2048, 2048), 32)[0] == (0, 96)
    with pytest.raises(AthanorError, match="31x100"):
        place((31, 100), table(BucketSettings(bucket_no_upscale=True, bucket_reso_steps=32)))


def test_a_smallest_side_below_one_step_is_one_step():
    """It once was a side of 0, and a division by it."""
    assert min(bucket_sizes((64, 64), 32, 128, 64)) == (64, 64)


def test_without_buckets_everything_gets_the_resolution():
    got = place((1920, 1080), table(BucketSettings(enable_bucket=False)))
    assert got.bucket == (512, 512) and got.resized == (910, 512) and got.crop == (199, 0)


@pytest.mark.parametrize("size", [(w, h) for w in range(70, 3000, 311) for h in range(64, 3000, 277)])
def test_resized_covers_the_bucket(size):
    sizes = bucket_sizes((1024, 1024), 256, 2048, 64)
    bucket, resized = choose(size, sizes)
    assert resized[0] >= bucket[0] and resized[1] >= bucket[1]
    bucket, resized = choose_no_upscale(size, (1024, 1024), 64)
    assert resized[0] >= bucket[0] and resized[1] >= bucket[1]
    assert resized[0] <= size[0] and resized[1] <= size[1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"width": 500}, "width is 500: it must be a multiple of bucket_reso_steps (64), for example 512."),
        ({"width": 1024, "height": 1024, "max_bucket_reso": 512}, "max_bucket_reso is 512"),
        ({"min_bucket_reso": 1024}, "min_bucket_reso is 1024"),
        ({"batch_size": 0}, "batch_size is 0: it must be at least 1."),
        ({"enable_bucket": False, "width": 516}, "width is 516: it must be a multiple of 8, for example 512."),
    ],
)
def test_bad_settings_get_one_sentence(values, words):
    with pytest.raises(AthanorError) as error:
        parse(BucketSettings, values)
    assert words in str(error.value) and "\n" not in str(error.value)


RECORDED = [  # resolution 1024, 256-4096: image, recorded (top, left), the same mirrored
    ((1250, 800), (26, 0), (26, 0)),
    ((800, 1250), (40, 0), (40, 0)),
    ((1024, 1024), (0, 0), (0, 0)),
    ((512, 512), (0, 0), (0, 0)),
    ((1920, 1080), (6, 0), (6, 0)),
    ((1080, 1920), (0, 6), (0, 6)),
    ((3000, 2000), (10, 0), (10, 0)),
    ((2000, 3000), (0, 10), (0, 11)),
    ((800, 600), (16, 0), (16, 0)),
    ((600, 800), (0, 16), (0, 16)),
    ((4000, 1000), (0, 0), (0, 0)),
    ((257, 1999), (131, 0), (131, 0)),
    ((1100, 1000), (0, 16), (0, 16)),
    ((1000, 1100), (16, 0), (16, 0)),
    ((1365, 768), (5, 0), (5, 0)),
]


@pytest.mark.parametrize(("image", "want", "mirrored"), RECORDED)
def test_the_crop_that_sd_scripts_records(image, want, mirrored):
    got = place(image, table(BucketSettings(width=1024, height=1024, min_bucket_reso=256, max_bucket_reso=4096)))
    assert recorded_crop(image, got.bucket)[::-1] == want
    assert recorded_crop(image, got.bucket, flip=True)[::-1] == mirrored


@pytest.mark.parametrize(
    ("image", "want"),
    [
        ((1920, 1080), (0, 21)),
        ((3840, 2160), (3, 0)),
        ((1000, 700), (0, 16)),
        ((333, 777), (10, 0)),
        ((1023, 4097), (61, 0)),
    ],
)
def test_the_crop_that_sd_scripts_records_without_upscaling(image, want):
    shape = {"width": 2048, "height": 2048, "bucket_reso_steps": 32, "max_bucket_reso": 4096, "bucket_no_upscale": True}
    got = place(image, table(BucketSettings(**shape)))
    assert recorded_crop(image, got.bucket)[::-1] == want
