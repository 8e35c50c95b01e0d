"""Validation on scenes and noise that training never draws."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from quietmr.noise.synthesis import NoiseLaw, add_noise, draw_noise
from quietmr.phantoms import Mixture, draw_scene


@dataclass(frozen=True)
class Case:
    """One noisy scene with its truth; shapes (F, Y, X)."""

    noisy: Tensor
    target: Tensor
    sigma: Tensor


def draw_cases(
    n: int, seed: int, shape: tuple[int, int, int] = (16, 96, 96), law: NoiseLaw | None = None
) -> list[Case]:
    """Draw fixed cases: half of them white and uniform noise, half with all that ``NoiseLaw`` offers, true sigma told.

    With a law of their own all cases have that noise: a network that was trained for few levels fails at others.
    The scene generator is seeded apart from every training worker (first word of the seed sequence).
    """
    rng = np.random.default_rng([2**31 + seed, n])
    noise_rng = torch.Generator().manual_seed(2**31 + seed)
    plain, full = (law, law) if law else (NoiseLaw(filtered=0.0, varying=0.0, jitter=0.0), NoiseLaw(jitter=0.0))
    cases = []
    for i in range(n):
        clean = torch.from_numpy(draw_scene((1 if i % 8 == 7 else shape[0], *shape[1:]), Mixture(), rng))
        size = (clean.shape[0], clean.shape[1], clean.shape[2])
        cases.append(Case(*add_noise(clean, draw_noise(size, full if i % 2 else plain, noise_rng))))
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


def mean_gain(network: nn.Module, cases: list[Case]) -> float:
    """Mean over the cases of the PSNR gain over the noisy image in dB, whole image."""
    gains = []
    for case in cases:
        before = (case.noisy - case.target).square().mean()
        after = (denoised(network, case.noisy, case.sigma) - case.target).square().mean()
        gains.append(10.0 * float(torch.log10(before / after)))
    return float(np.mean(gains))
