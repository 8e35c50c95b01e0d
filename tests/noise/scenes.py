"""Seeded test images: a head-like object, and noise of known level on it."""

import numpy as np

PEAK = 1000.0


def head(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """An ellipsoid with a bright rim, folded tissue, disks and gentle shading; zero outside; peak about 1000.

    Voxels average over 4 x 4 points in plane, as real ones do: without partial volume no edge would be physical.
    """
    points = (shape[0], 4 * shape[1], 4 * shape[2])
    z, y, x = np.meshgrid(
        *(np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in points), indexing="ij", sparse=True
    )
    radius = np.sqrt((z / 1.3) ** 2 + (y / 0.85) ** 2 + (x / 0.7) ** 2)
    image = np.where(radius < 0.95, 650.0, 0.0)
    folds = np.sin(14 * y + 3 * np.sin(9 * x)) * np.sin(11 * x + 2 * z)
    image[(radius < 0.8) & (folds > 0.35)] = 450.0
    image[(radius > 0.88) & (radius < 0.95)] = PEAK
    for _ in range(12):
        centre, size = rng.uniform(-0.5, 0.5, 2), rng.uniform(0.02, 0.12)
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < size**2
        image[inside & (radius < 0.8)] = rng.uniform(150, 900)
    shaded = image * (1 + 0.15 * x + 0.1 * y**2)
    return shaded.reshape(shape[0], shape[1], 4, shape[2], 4).mean(axis=(2, 4))


def band_limited(noise: np.ndarray, support: tuple[float, float]) -> np.ndarray:
    """Keep the inner part of k-space along (Y, X) and the variance."""
    for axis, part in zip((-2, -1), support, strict=True):
        frequency = np.abs(np.fft.fftfreq(noise.shape[axis])) * 2
        kept = frequency <= part
        mask = kept.reshape([-1 if a == axis % noise.ndim else 1 for a in range(noise.ndim)])
        noise = np.fft.ifft(np.fft.fft(noise, axis=axis) * mask, axis=axis) / np.sqrt(kept.mean())
    return noise


def complex_noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> np.ndarray:
    return sigma * (rng.normal(size=shape) + 1j * rng.normal(size=shape))


def rician(clean: np.ndarray, sigma: float, rng: np.random.Generator, support=(1.0, 1.0)) -> np.ndarray:
    return np.abs(clean + band_limited(complex_noise(clean.shape, sigma, rng), support))
