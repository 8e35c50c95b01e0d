"""Validation of complex networks: fixed noisy samples that training never draws, beside the best plain blur."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from quietmr.phantoms import Mixture
from quietmr.training.complex_batches import draw_picture
from quietmr.training.complex_pairs import as_channels, as_told, complex_pair
from quietmr.training.gmap_bank import GmapBank
from quietmr.training.mr_recipe import MrRecipe

# Widths of the blurs (in F, in plane) in voxels, of which each case gets its best.
_BLURS = [(frames, plane) for frames in (0.0, 0.5, 0.8, 1.2, 2.0) for plane in (0.0, 0.4, 0.6, 0.8, 1.1, 1.5, 2.2)]
_SCENE = (12, 96, 96)
_SINGLE_EVERY = 6  # every sixth case is a single frame
_MAPS_OF = 2  # simulated scans


@dataclass(frozen=True)
class ComplexCase:
    """One noisy sample with its truth.

    Attributes
    ----------
    x : Tensor, shape (C + 1, F, Y, X)
        Network input: real and imaginary part or magnitude, and the noise map that the network is told.
    target : Tensor, shape (C, F, Y, X)
    """

    x: Tensor
    target: Tensor

    def gain(self, output: Tensor) -> float:
        """PSNR gain of an estimate (C, F, Y, X) over the noisy image in dB, whole image."""
        before = (self.x[:-1] - self.target).square().mean()
        return 10.0 * float(torch.log10(before / (output - self.target).square().mean()))


def draw_complex_cases(
    n: int, seed: int, settings: MrRecipe, shape: tuple[int, int, int] = _SCENE
) -> list[ComplexCase]:
    """Draw fixed cases of all the kinds that training sees, a quarter of them sequences at least, true noise told.

    They are seeded apart from every training worker (first word of the seed sequence).
    """
    rng = np.random.default_rng([2**31 + seed, n])
    settings = settings.model_copy(update={"jitter": 0.0, "gmap_scans": min(_MAPS_OF, settings.gmap_scans)})
    maps = GmapBank(settings, rng)
    cases = []
    for i in range(n):
        size = (1 if i % _SINGLE_EVERY == _SINGLE_EVERY - 1 else shape[0], *shape[1:])
        picture = draw_picture(size, Mixture(dynamic=1.0 if i % 3 == 0 else 0.0), rng, hearts=float(i % 6 == 0))
        gmap = torch.from_numpy(maps.draw(shape[1:])[None])
        x, target = as_channels(complex_pair(torch.from_numpy(picture), gmap, rng, settings), settings)
        cases.append(ComplexCase(as_told(x, settings), target))
    return cases


@torch.inference_mode()
def mean_complex_gain(network: nn.Module, cases: list[ComplexCase]) -> float:
    """Mean over the cases of the PSNR gain over the noisy image in dB."""
    device = next(network.parameters()).device
    network.eval()
    gains = [case.gain(network(case.x[None].to(device))[0].cpu()) for case in cases]
    network.train()
    return float(np.mean(gains))


def mean_blur_gain(cases: list[ComplexCase]) -> float:
    """Mean gain of the Gaussian blur that suits each case best by its truth: what a blur could reach at most."""
    return float(np.mean([max(case.gain(_blurred(case.x[:-1], widths)) for widths in _BLURS) for case in cases]))


def _blurred(image: Tensor, widths: tuple[float, float]) -> Tensor:
    frames, plane = widths
    return torch.from_numpy(gaussian_filter(image.numpy(), (0, frames, plane, plane), mode="nearest"))
