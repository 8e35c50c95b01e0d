"""What the arms are judged on: fixed scenes with g-maps of simulated coils, drawn apart from all training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from quietmr.phantoms import Mixture
from quietmr.training.complex_batches import draw_picture
from quietmr.training.complex_pairs import complex_pair
from quietmr.training.gmap_bank import cut_gmap, scan_gmaps
from quietmr.training.mr_recipe import MrRecipe

SHAPE = (8, 40, 40)
_SCENE = (8, 56, 56)
_SEED = 2**32 - 1  # first word: training has the seed of its run there, its validation one from 2**31 on
_CASES_OF_A_SCAN = 3
_MATRIX = 64

_NONE = {field.name: 0.0 for field in fields(Mixture)}
_MOVING = Mixture(
    **{
        **_NONE,
        "dynamic": 1.0,
        "heart": 0.4,
        "abdomen": 0.2,
        "joint": 0.1,
        "regions": 0.15,
        "leaves": 0.15,
        "rich": 0.4,
    }
)
_HEADS = Mixture(**{**_NONE, "head": 1.0, "thick": 0.35, "rich": 0.4})
_NOISE = MrRecipe(white=0.0, uniform=0.0, jitter=0.0, snr=(2.0, 40.0), gmap_matrix=_MATRIX)
_WHITE = _NOISE.model_copy(update={"only_white": True})

SETS: dict[str, tuple[Mixture, MrRecipe]] = {
    "moving slices, MR noise": (_MOVING, _NOISE),
    "moving slices, white noise": (_MOVING, _WHITE),
    "head volumes, MR noise": (_HEADS, _NOISE),
}


@dataclass(frozen=True)
class Case:
    """One noisy image with its truth; shapes (F, Y, X).

    Attributes
    ----------
    noisy, clean : Tensor, complex
        In SNR units: without acceleration and filters the noise SD per real channel is at most 1.
    sigma : Tensor
        True SD of the noise, per real channel.
    """

    noisy: Tensor
    clean: Tensor
    sigma: Tensor


def draw_cases(name: str, n: int) -> list[Case]:
    """Draw the cases of a set; three of them share a simulated scan, each with a map of another acceleration."""
    mixture, settings = SETS[name]
    rng = np.random.default_rng([_SEED, list(SETS).index(name)])
    cases = []
    for i in range(n):
        if i % _CASES_OF_A_SCAN == 0:
            maps = scan_gmaps(_MATRIX, rng)
            order = rng.permutation(len(maps))
        gmap = cut_gmap(maps[order[i % _CASES_OF_A_SCAN]], SHAPE[1:], rng)
        picture = draw_picture(_SCENE, mixture, rng)
        top, left = (int(rng.integers(0, whole - part + 1)) for whole, part in zip(_SCENE[1:], SHAPE[1:], strict=True))
        part = np.ascontiguousarray(picture[:, top : top + SHAPE[1], left : left + SHAPE[2]])
        cases.append(Case(*complex_pair(torch.from_numpy(part), torch.from_numpy(gmap[None]), rng, settings)))
    return cases


def digest(cases: Sequence[Case]) -> str:
    """Hash of the cases: scores of other ones are not the ones that are asked for. Blind to rounding."""
    state = hashlib.sha256()
    for case in cases:
        for image in (torch.view_as_real(case.noisy), torch.view_as_real(case.clean), case.sigma):
            state.update((image.contiguous() * 100).round().to(torch.int32).numpy().tobytes())
    return state.hexdigest()[:16]
