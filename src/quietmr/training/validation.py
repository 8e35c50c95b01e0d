"""Validation on scenes and noise that training never draws."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from quietmr.evaluate.metrics import ssim
from quietmr.noise.synthesis import NoiseLaw
from quietmr.phantoms import Mixture, draw_scene
from quietmr.training.magnitude_noise import Degrade, rician


@dataclass(frozen=True)
class Case:
    """One noisy scene with its truth; shapes (F, Y, X)."""

    noisy: Tensor
    target: Tensor
    sigma: Tensor


def draw_cases(
    n: int, seed: int, shape: tuple[int, int, int] = (16, 96, 96), noise: Degrade | None = None
) -> list[Case]:
    """Draw fixed cases: half of them white and uniform noise, half with all that ``NoiseLaw`` offers, true sigma told.

    With ``noise`` all cases have that: a network that was trained for few levels fails at others.
    The scene generator is seeded apart from every training worker (first word of the seed sequence).
    """
    rng = np.random.default_rng([2**31 + seed, n])
    noise_rng = torch.Generator().manual_seed(2**31 + seed)
    plain = noise or rician(NoiseLaw(filtered=0.0, varying=0.0, jitter=0.0))
    full = noise or rician(NoiseLaw(jitter=0.0))
    cases = []
    for i in range(n):
        clean = torch.from_numpy(draw_scene((1 if i % 8 == 7 else shape[0], *shape[1:]), Mixture(), rng))
        cases.append(Case(*(full if i % 2 else plain)(clean, noise_rng)))
    return cases


@torch.inference_mode()
def denoised(network: nn.Module, noisy: Tensor, sigma: Tensor) -> Tensor:
    """Run a network on one piece (F, Y, X), complex or a magnitude; the result is on the CPU, magnitudes never < 0."""
    device = next(network.parameters()).device
    network.eval()
    channels = [noisy.real, noisy.imag] if noisy.is_complex() else [noisy]
    output: Tensor = network(torch.stack([*channels, sigma])[None].to(device))[0].cpu()
    network.train()
    return torch.complex(output[0], output[1]) if noisy.is_complex() else output[0].clamp_min(0.0)


@dataclass(frozen=True)
class Measured:
    """Gain in PSNR in dB and, where it decides which weights are the best, structural similarity."""

    gain: float
    ssim: float | None = None

    @property
    def decisive(self) -> float:
        """What the best weights have most of."""
        return self.gain if self.ssim is None else self.ssim


def mean_scores(network: nn.Module, cases: list[Case], *, similarity: bool = False) -> Measured:
    """Mean over the cases of the PSNR gain over the noisy image in dB, whole image, and of the SSIM if asked."""
    gains, similarities = [], []
    for case in cases:
        output = denoised(network, case.noisy, case.sigma)
        before, after = ((image - case.target).square().mean() for image in (case.noisy, output))
        gains.append(10.0 * float(torch.log10(before / after)))
        if similarity:
            similarities.append(similarity_of(output, case.target))
    return Measured(float(np.mean(gains)), float(np.mean(similarities)) if similarity else None)


def mean_gain(network: nn.Module, cases: list[Case]) -> float:
    """Mean over the cases of the PSNR gain over the noisy image in dB, whole image."""
    return mean_scores(network, cases).gain


def similarity_of(output: Tensor, target: Tensor) -> float:
    """SSIM of magnitudes (F, Y, X), frame by frame; the data range is the brightest voxel of the target."""
    peak = float(target.max())
    return ssim(output.numpy(), target.numpy(), peak if peak > 0 else 1.0)
