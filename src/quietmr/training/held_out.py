"""Judging a network on parts of the user's own scans that training never saw."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from quietmr.training.complex_batches import give_phase, sample_of
from quietmr.training.complex_pairs import complex_pair
from quietmr.training.complex_shelf import load_shelf
from quietmr.training.gmap_bank import GmapBank
from quietmr.training.lessons import Lesson
from quietmr.training.losses import PROBE_STEP, noise2noise, rician_sure
from quietmr.training.magnitude import magnitude_variance
from quietmr.training.magnitude_noise import noise_of
from quietmr.training.noisy_scans import NoisyScan, load_noisy
from quietmr.training.patches import whole_cut
from quietmr.training.probes import draw_probe
from quietmr.training.recipe import Recipe
from quietmr.training.scans import load_clean, split
from quietmr.training.validation import denoised, similarity_of

# Errors within a block (F, Y, X) are alike; blocks count as independent for the standard error.
_BLOCK = (4, 16, 16)
_STANDARD_ERRORS = 2.0
_MAPS_OF = 2  # simulated scans, for scans without g-maps
_SMALLEST_RISK = 1e-4  # of the noise power: an estimate may fall below zero


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A noisy piece, complex or a magnitude, and what tells how well it is denoised; shapes (F, Y, X).

    Attributes
    ----------
    loss : {"supervised", "sure", "noise2noise"}
    noisy : Tensor
    sigma : Tensor
        Noise SD per real channel.
    other : Tensor
        Clean image (supervised), random probe (sure), or second noisy image (noise2noise). Lessons from single noisy
        images are all judged as sure.
    variance : Tensor
        Squared error of the noisy magnitudes, or its mean as far as it is known, in squared noise SDs: the same for all
        networks that are compared.
    """

    loss: Lesson
    noisy: Tensor
    sigma: Tensor
    other: Tensor
    variance: Tensor

    def risk(self, network: nn.Module) -> Tensor:
        """Squared error of each voxel in noise SDs, measured or estimated without bias."""
        snr = self.noisy / self.sigma
        output = denoised(network, self.noisy, self.sigma) / self.sigma
        if self.loss == "supervised":
            return (output - self.other / self.sigma).abs().square()
        if self.loss == "noise2noise":
            return noise2noise(output, self.other / self.sigma) - self.variance
        moved = self.noisy + PROBE_STEP * self.sigma * self.other
        probed = denoised(network, moved, self.sigma) / self.sigma
        return rician_sure(output, probed, snr, self.other, self.variance)

    def halves(self) -> tuple["HeldOut", "HeldOut"]:
        """Divide in the middle of the rows."""
        middle = self.noisy.shape[2] // 2
        parts = [
            [tensor[..., where] for tensor in (self.noisy, self.sigma, self.other, self.variance)]
            for where in (slice(None, middle), slice(middle, None))
        ]
        return HeldOut(self.loss, *parts[0]), HeldOut(self.loss, *parts[1])


def draw_held_out(recipe: Recipe, start: nn.Module) -> tuple[list[HeldOut], list[HeldOut]]:
    """Prepare the held-out part of every scan of a recipe, at most ``validation_cases`` of them.

    Parameters
    ----------
    recipe : Recipe
    start : nn.Module
        Network before training; if it was trained, what it sees in a noisy piece tells the variance of the noise.

    Returns
    -------
    validation, gate : list of HeldOut
        One half of each piece to choose the best weights by, the other to judge the chosen ones: whoever is chosen by
        a score looks better by it than he is.

    Raises
    ------
    InputError
        If the scans cannot be used.
    """
    halves = [case.halves() for case in _cases(recipe, start)]
    return [left for left, _ in halves], [right for _, right in halves]


def _cases(recipe: Recipe, start: nn.Module) -> list[HeldOut]:
    rng = torch.Generator().manual_seed(2**31 + recipe.seed)
    if recipe.lesson != "supervised":
        return _from_noisy(recipe, start, rng)
    return _from_complex(recipe) if recipe.channels == "complex" else _from_clean(recipe, rng)


def _spread(n: int, most: int) -> list[int]:
    """Numbers of at most ``most`` of n things, evenly."""
    return sorted({int(i) for i in np.linspace(0, n - 1, min(n, most)).round()})


def _from_clean(recipe: Recipe, rng: torch.Generator) -> list[HeldOut]:
    degrade = noise_of(recipe, jitter=0.0)
    scans = load_clean(recipe.scans)
    cases = []
    for i in _spread(len(scans), recipe.validation_cases):
        clean = torch.from_numpy(np.ascontiguousarray(split(scans[i], recipe.scans.held_out)[1]))
        noisy, target, sigma = degrade(clean, rng)
        cases.append(HeldOut("supervised", noisy, sigma, target, ((noisy - target) / sigma).square()))
    return cases


def _from_complex(recipe: Recipe) -> list[HeldOut]:
    """Noise drawn as for training, with the g-maps of the scans where they have some; true noise is told.

    Few scans are judged several times: one draw of the noise level says little.
    """
    rng = np.random.default_rng([2**31 + recipe.seed, recipe.validation_cases])
    settings = recipe.mr.model_copy(update={"jitter": 0.0, "gmap_scans": min(_MAPS_OF, recipe.mr.gmap_scans)})
    pieces = [scan.split(recipe.scans.held_out)[1] for _, scans in load_shelf(recipe.scans).scans for scan in scans]
    maps = GmapBank(settings, rng)
    chosen = _spread(len(pieces), recipe.validation_cases)
    cases = []
    for i in range(recipe.validation_cases):
        piece = pieces[chosen[i % len(chosen)]]
        if not np.iscomplexobj(piece.picture):
            piece = replace(piece, picture=give_phase(piece.picture, rng))
        picture, gmap, native = (
            torch.from_numpy(part.copy()) for part in sample_of(piece, whole_cut(piece.picture), maps)
        )
        noisy, target, sigma = complex_pair(picture, gmap, rng, settings, native=native)
        cases.append(HeldOut("supervised", noisy, sigma, target, ((noisy - target) / sigma).abs().square()))
    return cases


def _from_noisy(recipe: Recipe, start: nn.Module, rng: torch.Generator) -> list[HeldOut]:
    scans = load_noisy(recipe.scans, repeats=recipe.lesson == "noise2noise")
    chosen = [scans[i] for i in _spread(len(scans), recipe.validation_cases)]
    if recipe.lesson == "noise2noise":
        return [case for scan in chosen for case in _pairs(scan, recipe.scans.held_out)]
    # Whatever is learned, the estimated risk judges it: the losses themselves cannot be compared with doing nothing.
    known = start if recipe.start_from else None
    return [_with_probe(scan, recipe.scans.held_out, known, rng) for scan in chosen]


def _with_probe(scan: NoisyScan, part: float, known: nn.Module | None, rng: torch.Generator) -> HeldOut:
    noisy = torch.from_numpy(np.ascontiguousarray(split(scan.frames, part)[1][0]))
    sigma = torch.full_like(noisy, scan.sigma)
    pilot = _local_signal(noisy / sigma) if known is None else denoised(known, noisy, sigma) / sigma
    variance = magnitude_variance(pilot)
    return HeldOut("sure", noisy, sigma, draw_probe(noisy.shape, scan.support, rng), variance)


def _local_signal(snr: Tensor) -> Tensor:
    """Magnitude without noise from the mean square of noisy ones in 5 x 5 pixels, which the noise raises by 2."""
    square = nn.functional.avg_pool2d(snr.square()[None], 5, stride=1, padding=2, count_include_pad=False)[0]
    return (square - 2).clamp_min(0).sqrt()


def _pairs(scan: NoisyScan, part: float) -> list[HeldOut]:
    """First two frames both ways; half their mean squared difference is the noise variance, whatever its law."""
    frames = torch.from_numpy(np.ascontiguousarray(split(scan.frames, part)[1]))
    sigma = torch.full_like(frames[0], scan.sigma)
    variance = ((frames[0] - frames[1]) / sigma).square() / 2
    return [HeldOut("noise2noise", frames[i], sigma, frames[j], variance) for i, j in ((0, 1), (1, 0))]


def pooled_gain(network: nn.Module, cases: list[HeldOut]) -> float:
    """Noise power over remaining error, pooled over all cases, in dB."""
    risks = torch.cat([case.risk(network).flatten() for case in cases]).double().mean()
    noise = torch.cat([case.variance.flatten() for case in cases]).double().mean()
    return 10 * float(torch.log10(noise / risks.clamp_min(_SMALLEST_RISK * noise)))


def mean_similarity(network: nn.Module, cases: list[HeldOut]) -> float:
    """Mean SSIM of clean magnitudes and what the network makes of noisy ones."""
    found = [similarity_of(denoised(network, case.noisy, case.sigma), case.other) for case in cases]
    return float(np.mean(found))


@dataclass(frozen=True)
class Verdict:
    """Two networks compared on the same held-out pieces.

    Attributes
    ----------
    before, after : float
        Gain of either over the noisy image in dB, measured or estimated.
    less : float
        By how much the squared error fell, in squared noise SDs.
    standard_error : float
        Of ``less``.
    """

    before: float
    after: float
    less: float
    standard_error: float

    @property
    def improved(self) -> bool:
        """Whether the error fell by more than chance explains (two standard errors)."""
        return self.less > _STANDARD_ERRORS * self.standard_error


def compare(before: nn.Module, after: nn.Module, cases: list[HeldOut]) -> Verdict:
    """Compare two networks voxel by voxel, so that what both find hard cancels."""
    blocks = []
    for case in cases:
        less = (case.risk(before) - case.risk(after))[None, None]
        size = [min(n, wide) for n, wide in zip(less.shape[2:], _BLOCK, strict=True)]
        blocks.append(nn.functional.avg_pool3d(less, size).flatten())
    values = torch.cat(blocks).double()
    error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else float("inf")
    return Verdict(pooled_gain(before, cases), pooled_gain(after, cases), float(values.mean()), error)
