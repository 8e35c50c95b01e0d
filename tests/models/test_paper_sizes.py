"""Numbers of weights: an exact test of the wiring of published networks."""

import re
from pathlib import Path

import pytest
import torch

from quietmr.models import ARCHITECTURES, ORIGINS, count_parameters
from quietmr.models.cyclegan import CycleGenerator, PatchCritic
from quietmr.models.das_ffdnet import RecursiveAttention
from quietmr.models.disentangled import DisentangledGan
from quietmr.models.fusion import AdaptiveFusion
from quietmr.models.origins import LABELS
from quietmr.models.papers import PAPERS
from quietmr.models.ridnet import Ridnet

DOCS = Path(__file__).parents[2] / "docs" / "models_papers.md"

# Of the published code, or, for DAS-FFDNet and DenoiseNet, of the form that was decided on; one channel in and out.
PUBLISHED = [
    ("das-ffdnet", {}, 9_474_116),
    ("das-ffdnet-small", {}, 2_380_042),
    ("denoisenet", {}, 15_721_323),
    ("denoisenet-large", {}, 62_871_275),
    ("denoisenet", {"levels": 3}, 3_913_481),
    ("disentangled-gan", {}, 11_807_169),
    ("cyclegan", {}, 11_365_633),
    ("dncnn", {}, 557_057),
    ("dncnn", {"norm": False}, 555_137),
    ("dncnn-blind", {}, 668_225),
    ("dncnn-blind", {"norm": False}, 665_921),
    ("ffdnet", {}, 485_316),
    ("sadnet", {}, 4_234_081),
    ("rdunet", {}, 166_370_562),
    ("rdunet", {"width": 64}, 41_602_690),
    ("msanet", {}, 8_633_863),
    ("red3d", {}, 2_326_273),
    ("ricianet3d", {}, 393_101),
    ("adnet", {}, 519_171),
    ("drunet", {}, 32_638_656),
]


@pytest.mark.parametrize(("name", "arguments", "size"), PUBLISHED)
def test_networks_have_the_published_sizes(name, arguments, size):
    assert count_parameters(name, **arguments) == size


def size_of(module):
    # Shared parts count once.
    return sum(weight.numel() for weight in module.parameters())


def test_parts_have_the_published_sizes():
    with torch.device("meta"):
        attention = {n: size_of(RecursiveAttention(n)) for n in (32, 64, 128, 256, 512)}
        assert attention == {32: 723, 64: 2_170, 128: 7_752, 256: 29_668, 512: 116_508}
        # Without the 1 x 1 convolution before it, and the last convolution behind it.
        assert size_of(AdaptiveFusion(64)) == 146_075 - (64 * 64 + 64)
        assert size_of(AdaptiveFusion(64, gated=True)) == 216_284 - (64 * 9 + 1)
        # The frozen shift by the mean color, 24 numbers, is left out.
        assert size_of(Ridnet(3, 3)) == 1_499_371 - 24
        assert size_of(CycleGenerator()) == 11_365_633
        assert size_of(PatchCritic()) == 2_762_689


def test_the_gan_has_the_sizes_of_its_ancestor():
    with torch.device("meta"):
        gan, paper = DisentangledGan(share="last"), DisentangledGan()
        content = torch.nn.ModuleList([gan.noisy_content, gan.clean_content])
        assert size_of(content) == 9_005_568
        assert size_of(gan.noise) == 1_342_032
        assert size_of(torch.nn.ModuleList([gan.to_noisy, gan.to_clean])) == 9_564_386
        assert size_of(gan.clean_critic) == size_of(gan.noisy_critic) == 8_265_027
        assert size_of(gan) == 36_442_040
        assert size_of(gan.denoiser()) == size_of(paper.denoiser()) == 11_807_169
        assert size_of(gan) - size_of(paper) == (9_005_568 - size_of(gan.noisy_content.shared)) // 2


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_origins_tell_the_size_and_a_known_label(name):
    assert set(ORIGINS) == set(ARCHITECTURES)
    origin = ORIGINS[name]
    assert origin.label in LABELS
    assert origin.dimensions in {"2-D", "3-D"}
    assert origin.paper
    assert origin.code
    assert origin.parameters == count_parameters(name)


def test_the_docs_print_labels_sizes_and_dimensions():
    row = re.compile(r"^\| `([a-z0-9-]+)` \| ([a-z-]+) \|.*\| ([\d,]+) \| ([23]-D) \|", re.MULTILINE)
    printed = {name: facts for name, *facts in row.findall(DOCS.read_text("utf-8"))}
    assert printed == {
        name: [ORIGINS[name].label, f"{ORIGINS[name].parameters:,}", ORIGINS[name].dimensions] for name in PAPERS
    }


def test_what_cannot_be_identified_is_not_invented():
    assert not [name for name in ARCHITECTURES if "ladcnn" in name or "autonet" in name]
