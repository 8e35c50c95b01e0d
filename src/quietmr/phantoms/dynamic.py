"""Moving pictures: one slice that beats, breathes, drifts and changes contrast over time."""

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter

from quietmr.phantoms.texture import Volume, power_law_field, soft_step


def _beat(n_frames: int, rng: np.random.Generator) -> Volume:
    """Displacement over one cycle: fast contraction, slow relaxation, 0 to 1."""
    phase = (np.arange(n_frames) / rng.uniform(12.0, 40.0) + rng.random()) % 1.0
    peak = rng.uniform(0.25, 0.5)
    rise = np.sin(0.5 * np.pi * phase / peak) ** 2
    fall = np.cos(0.5 * np.pi * (phase - peak) / (1.0 - peak)) ** 2
    return np.where(phase < peak, rise, fall).astype(np.float32)


def animate(picture: Volume, n_frames: int, rng: np.random.Generator) -> Volume:
    """Turn a picture into a 2D+T sequence.

    Parameters
    ----------
    picture : array, shape (Y, X)
    n_frames : int
    rng : Generator

    Returns
    -------
    array, shape (n_frames, Y, X), float32
        The picture warped by a smooth periodic motion plus a slow drift; in half of the cases a region changes its
        brightness over time, as in a contrast passage.
    """
    height, width = picture.shape
    coefficients = spline_filter(picture, order=3, output=np.float32)
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    amplitude = float(np.exp(rng.uniform(np.log(0.3), np.log(5.0))))
    push = [amplitude * power_law_field((height, width), 2.6, rng, (1.0, 1.0)) for _ in range(2)]
    drift = rng.normal(0.0, 0.03, 2)
    beat = _beat(n_frames, rng)
    region = soft_step(power_law_field((height, width), 2.2, rng, (1.0, 1.0)) - rng.normal(0.3, 0.6), 0.1)
    passage = rng.uniform(-0.6, 0.6) * (rng.random() < 0.5)
    arrival, speed = rng.uniform(0, n_frames), rng.uniform(1.0, 6.0)
    frames = []
    for t in range(n_frames):
        where = [rows + beat[t] * push[0] + drift[0] * t, columns + beat[t] * push[1] + drift[1] * t]
        wash = 1.0 + passage / (1.0 + np.exp(-(t - arrival) / speed))
        still = picture if passage == 0 else None
        frame = map_coordinates(coefficients, where, order=3, mode="nearest", prefilter=False)
        if still is None:
            moved = map_coordinates(region, where, order=1, mode="nearest")
            frame = frame * (1.0 + moved * (wash - 1.0))
        frames.append(frame.astype(np.float32))
    return np.asarray(np.maximum(np.stack(frames), 0.0), dtype=np.float32)
