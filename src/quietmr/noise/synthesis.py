"""Noise as scanners make it: white or filtered in k-space, uniform or stronger in places, magnitude or complex.

Drawing is separate from use: :func:`draw_noise` decides, :func:`add_noise` applies. Both work on any device.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_FILTERS = ("zero-fill", "gauss", "tukey")


@dataclass(frozen=True)
class NoiseLaw:
    """What noise training sees.

    Attributes
    ----------
    lowest, highest : float
        Bounds of the noise level, sigma per real channel as a part of the brightest tissue (= 1).
    filtered : float
        Share of samples whose noise went through a k-space filter (in half of them the signal did too).
    varying : float
        Share of samples with a g-factor-like map.
    jitter : float
        Log-normal SD of the error of the noise level that the network is told, in half of the samples.
    linear : float
        0: levels are log-uniform between their bounds; 1: uniform.
    """

    lowest: float = 0.01
    highest: float = 0.3
    filtered: float = 0.4
    varying: float = 0.5
    jitter: float = 0.06
    linear: float = 0.0


@dataclass(frozen=True)
class NoiseDraw:
    """One decision about the noise of one sample of shape (F, Y, X).

    Attributes
    ----------
    noise : Tensor, shape (2, F, Y, X)
        Real and imaginary part of white noise with SD 1.
    sigma : Tensor, shape (F, Y, X)
        Noise SD per real channel at each place, after all filters.
    told : float
        Factor between the noise level the network is told and the true one.
    transfer : Tensor or None, shape (F, Y, X)
        k-space filter of the noise (FFT order), scaled so that white noise of SD 1 keeps SD 1.
    signal_too : bool
        Whether the signal goes through the (unscaled) filter as well.
    """

    noise: Tensor
    sigma: Tensor
    told: float
    transfer: Tensor | None
    signal_too: bool


def _uniform(rng: torch.Generator, low: float = 0.0, high: float = 1.0) -> float:
    return low + (high - low) * float(torch.rand((), generator=rng, device=rng.device))


def smooth_field(shape: tuple[int, ...], rng: torch.Generator, knots: int = 4) -> Tensor:
    """Smooth random field of about unit SD: white values on a coarse grid, interpolated."""
    coarse = torch.randn((1, 1, *(min(knots, n) for n in shape)), generator=rng, device=rng.device)
    return torch.nn.functional.interpolate(coarse, size=shape, mode="trilinear", align_corners=True)[0, 0]


def draw_gain(shape: tuple[int, int, int], rng: torch.Generator) -> Tensor:
    """Draw a g-factor-like map >= about 1: smooth swells, and in half of the cases bands across one in-plane axis."""
    g = torch.exp(_uniform(rng, 0.1, 0.5) * smooth_field(shape, rng))
    if _uniform(rng) < 0.5:
        axis = 1 + int(_uniform(rng) < 0.5)
        position = torch.linspace(-1, 1, shape[axis], device=rng.device)
        width, center = _uniform(rng, 0.15, 0.5), _uniform(rng, -0.4, 0.4)
        band = torch.exp(-0.5 * ((position - center) / width) ** 2)
        g = g * (1 + _uniform(rng, 0.2, 1.5) * band.reshape([-1 if a == axis else 1 for a in range(3)]))
    return g


def _axis_filter(n: int, kind: str, rng: torch.Generator) -> Tensor:
    """Gain along one k-space axis in FFT order, 1 at the center."""
    frequency = torch.fft.fftfreq(n, device=rng.device).abs() * 2.0
    edge = _uniform(rng, 0.5, 0.95)
    if kind == "gauss":
        return torch.exp(-0.5 * (frequency / (edge * _uniform(rng, 0.6, 1.2))) ** 2)
    if kind == "tukey":
        start = edge * _uniform(rng, 0.3, 0.9)
        ramp = ((frequency - start) / (edge - start + 1e-6)).clamp(0.0, 1.0)
        gain: Tensor = 0.5 * (1.0 + torch.cos(torch.pi * ramp))
        return gain
    kept: Tensor = frequency <= edge
    return kept.to(torch.float32)


def draw_filter(shape: tuple[int, int, int], rng: torch.Generator) -> Tensor:
    """Draw a k-space filter (FFT order), separable, along one to three axes, with gain 1 at the center."""
    kind = _FILTERS[int(_uniform(rng) * len(_FILTERS)) % len(_FILTERS)]
    transfer = torch.ones(shape, device=rng.device)
    for axis, share in enumerate((0.3, 0.8, 0.8)):
        if shape[axis] > 4 and _uniform(rng) < share:
            gain = _axis_filter(shape[axis], kind, rng)
            transfer = transfer * gain.reshape([-1 if a == axis else 1 for a in range(3)])
    return transfer


def draw_noise(shape: tuple[int, int, int], law: NoiseLaw, rng: torch.Generator) -> NoiseDraw:
    """Decide on the noise of one sample."""
    place = _uniform(rng)
    span = law.highest - law.lowest
    level = law.lowest + span * place if law.linear else law.lowest * (law.highest / law.lowest) ** place
    gain = draw_gain(shape, rng) if _uniform(rng) < law.varying else torch.ones(shape, device=rng.device)
    transfer = draw_filter(shape, rng) if _uniform(rng) < law.filtered else None
    told = 1.0
    if _uniform(rng) < 0.5:
        told = float(torch.exp(law.jitter * torch.randn((), generator=rng, device=rng.device)))
    noise = torch.randn((2, *shape), generator=rng, device=rng.device)
    return NoiseDraw(noise, level * gain / gain.median(), told, transfer, _uniform(rng) < 0.5)


def _through(transfer: Tensor, field: Tensor) -> Tensor:
    filtered: Tensor = torch.fft.ifftn(torch.fft.fftn(field, dim=(-3, -2, -1)) * transfer, dim=(-3, -2, -1))
    return filtered


def colour(noise: Tensor, transfer: Tensor) -> Tensor:
    """Filter complex white noise so that its SD per real channel stays the same.

    Parameters
    ----------
    noise : Tensor, shape (F, Y, X), complex
    transfer : Tensor, shape (F, Y, X)
        k-space gain in FFT order. The noise is divided by its root mean square (Parseval).
    """
    return _through(transfer / transfer.square().mean().sqrt(), noise)


def add_noise(clean: Tensor, draw: NoiseDraw) -> tuple[Tensor, Tensor, Tensor]:
    """Make a noisy magnitude image with its truth.

    Parameters
    ----------
    clean : Tensor, shape (F, Y, X)
        Noise-free magnitude.
    draw : NoiseDraw

    Returns
    -------
    noisy, target, sigma : Tensor, shape (F, Y, X)
        Magnitude of signal plus complex noise (Rician law), noise-free magnitude, and the noise level to be told.
    """
    noise = torch.complex(draw.noise[0], draw.noise[1])
    target = clean
    if draw.transfer is not None:
        noise = colour(noise, draw.transfer)
        if draw.signal_too:
            target = _through(draw.transfer, clean.to(torch.complex64)).abs()
    noisy = (target + noise * draw.sigma).abs()
    return noisy, target, draw.sigma * draw.told
