"""Random images that are correlated as the noise of a scan is."""

import torch
from torch import Tensor

from quietmr.noise.synthesis import colour


def draw_probe(shape: torch.Size, support: tuple[float, ...], rng: torch.Generator) -> Tensor:
    """Draw a probe of shape (F, Y, X), SD 1, white or, where k-space is not filled, correlated as the noise is."""
    probe = torch.randn(shape, generator=rng, device=rng.device)
    if min(support) >= 1:
        return probe
    transfer = torch.ones(shape, device=rng.device)
    for axis, filled in enumerate(support):
        frequency = torch.fft.fftfreq(shape[axis], device=rng.device).abs() * 2
        kept = (frequency <= filled).to(torch.float32)
        transfer = transfer * kept.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return colour(torch.complex(probe, torch.zeros_like(probe)), transfer).real


def draw_probes(images: Tensor, supports: Tensor, rng: torch.Generator) -> Tensor:
    """One probe for each channel of every image (B, C, F, Y, X), whose k-space is filled to ``supports`` (B, 3)."""
    return torch.stack(
        [
            torch.stack([draw_probe(channel.shape, tuple(filled.tolist()), rng) for channel in image])
            for image, filled in zip(images, supports, strict=True)
        ]
    )
