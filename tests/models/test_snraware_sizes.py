"""Numbers of parameters: an exact test of the wiring, and of the table in the docs."""

import re
from functools import cache
from pathlib import Path

import pytest
import torch

from quietmr.models import build_architecture
from quietmr.models.snraware import RELEASED, TABLE_2

# As the paper's Table 2 prints them.
PRINTED = {
    "snraware-hrnet-cnnt-large": 54_678_306,
    "snraware-hrnet-cnnt": 27_485_139,
    "snraware-hrnet-swin3d": 54_664_836,
    "snraware-hrnet-vit3d": 27_478_404,
    "snraware-hrnet-conv3d": 22_815_891,
    "snraware-hrnet-vit2d": 17_746_308,
    "snraware-hrnet-conv2d": 20_382_867,
    "snraware-unet-cnnt-large": 48_880_418,
    "snraware-unet-cnnt": 25_226_195,
    "snraware-unet-swin3d": 49_309_316,
    "snraware-unet-vit3d": 25_661_828,
    "snraware-unet-conv3d": 18_787_475,
    "snraware-unet-vit2d": 15_487_364,
    "snraware-unet-conv2d": 16_206_995,
}
# Two scalars of a loss weight that only a predecessor of the reference code has: no part of the network.
OF_THE_LOSS = 2
PUBLISHED = {  # of the released models
    "snraware-hrnet-t1l1g1-small": 27_701_329,
    "snraware-hrnet-t1l1g1-medium": 55_110_688,
    "snraware-hrnet-t1l1g1-large": 109_929_406,
}
DOCS = Path(__file__).parents[2] / "docs" / "models_snraware.md"


@cache
def size_of(name, **arguments):
    with torch.device("meta"):
        return sum(p.numel() for p in build_architecture(name, **arguments).parameters())


def test_every_design_is_in_the_tables():
    assert set(PRINTED) == set(TABLE_2)
    assert set(PUBLISHED) == set(RELEASED)


@pytest.mark.parametrize("name", TABLE_2)
def test_faithful_networks_of_table_2(name):
    assert size_of(name, form="faithful") == PRINTED[name] - OF_THE_LOSS


@pytest.mark.parametrize("name", RELEASED)
def test_faithful_released_networks(name):
    assert size_of(name, form="faithful") == PUBLISHED[name]


@pytest.mark.parametrize("kind", ["vit3d", "vit2d", "conv3d", "conv2d", "swin3d"])
@pytest.mark.parametrize("backbone", ["hrnet", "unet"])
def test_mixers_add_two_wide_convolutions_to_each_cell(kind, backbone):
    name = f"snraware-{backbone}-{kind}"
    n = 6 if kind == "swin3d" else 3
    narrow, wide = ((2 * 9 * 4 * c * c + 5 * c + 1) * n for c in (64, 128))
    added = 3 * narrow + 2 * wide
    for form, norms in (("faithful", 0), ("corrected", n * 2 * (3 * 64 + 2 * 128))):
        assert size_of(name, form=form, mixers=True) == size_of(name, form=form) + added + norms


@pytest.mark.parametrize("backbone", ["hrnet", "unet"])
def test_position_bias_adds_one_table_to_each_cell(backbone):
    for kind, tables in (("vit2d", (18_552, 13_368)), ("vit3d", (18_552, 13_368)), ("swin3d", (1_674_000,) * 2)):
        name = f"snraware-{backbone}-{kind}"
        added = size_of(name, form="faithful", position_bias=True) - size_of(name, form="faithful")
        assert added == tables[backbone == "unet"]


def test_corrected_networks_count_the_same_for_every_size_of_image():
    for name in ("snraware-hrnet-cnnt", "snraware-unet-conv2d"):
        assert size_of(name) == size_of(name, size=(16, 128, 96))
        assert size_of(name, form="faithful", size=(16, 128, 96)) > size_of(name, form="faithful")


def test_the_docs_print_these_sizes():
    rows = re.findall(r"^\| `(snraware-[a-z0-9-]+)` \|.*\| ([\d,]+) \| ([\d,]+) \|", DOCS.read_text("utf-8"), re.M)
    printed = {name: tuple(int(n.replace(",", "")) for n in sizes) for name, *sizes in rows}
    assert printed == {name: (size_of(name, form="faithful"), size_of(name)) for name in {**PRINTED, **PUBLISHED}}
