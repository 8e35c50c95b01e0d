"""Moving pictures: one slice that beats, breathes, drifts and changes contrast over time."""

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter

from quietmr.phantoms.frame import smooth_field
from quietmr.phantoms.texture import Volume, power_law_field, soft_step


def _beat(n_frames: int, rng: np.random.Generator) -> Volume:
    """Displacement over one cycle: fast contraction, slow relaxation, 0 to 1."""
    phase = (np.arange(n_frames) / rng.uniform(12.0, 40.0) + rng.random()) % 1.0
    peak = rng.uniform(0.25, 0.5)
    rise = np.sin(0.5 * np.pi * phase / peak) ** 2
    fall = np.cos(0.5 * np.pi * (phase - peak) / (1.0 - peak)) ** 2
    return np.where(phase < peak, rise, fall).astype(np.float32)


def _passage(n_frames: int, rng: np.random.Generator) -> Volume:
    """Enhancement over time, 0 to 1: a gamma variate (first pass) or a slow wash-in."""
    t = np.arange(n_frames) - rng.uniform(-0.2, 0.8) * n_frames
    speed = rng.uniform(1.0, 8.0)
    if rng.random() < 0.5:
        return np.asarray(1.0 / (1.0 + np.exp(-t / speed)), dtype=np.float32)
    late = np.maximum(t, 0.0) / (2.0 * speed)
    return np.asarray(np.square(late * np.exp(1.0 - late)), dtype=np.float32)


def _squeeze(height: int, width: int, rng: np.random.Generator) -> list[Volume]:
    """Displacement in voxels towards a point near the middle, strongest on a ring around it, as of a beating heart."""
    middle = rng.uniform(0.35, 0.65, 2) * (height, width)
    rows, columns = np.meshgrid(np.arange(height) - middle[0], np.arange(width) - middle[1], indexing="ij")
    radius = np.sqrt(np.square(rows) + np.square(columns)) + 1e-3
    ring = rng.uniform(0.1, 0.25) * min(height, width)
    push = rng.uniform(0.1, 0.35) * radius * np.exp(-np.square(radius / (1.5 * ring)))
    return [(push * rows / radius).astype(np.float32), (push * columns / radius).astype(np.float32)]


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
        The picture warped by a smooth periodic motion, in half of the cases by the squeeze of a heart as well, and
        moved by slow breathing and drift; in half of the cases regions enhance, each with its own course, as contrast
        agent passes.
    """
    height, width = picture.shape
    coefficients = spline_filter(picture, order=3, output=np.float32)
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    amplitude = float(np.exp(rng.uniform(np.log(0.3), np.log(5.0)))) * (rng.random() < 0.8)
    push = [amplitude * power_law_field((height, width), 2.6, rng, (1.0, 1.0)) for _ in range(2)]
    if rng.random() < 0.5:
        push = [p + q for p, q in zip(push, _squeeze(height, width, rng), strict=True)]
    time = np.arange(n_frames)
    breath = rng.uniform(0.0, 2.5) * np.sin(2 * np.pi * (time / rng.uniform(15.0, 60.0) + rng.random()))
    shift = np.outer(rng.normal(0.0, 0.03, 2), time) + np.outer(rng.normal(0.0, 0.7, 2), breath)
    beat = _beat(n_frames, rng)
    uptake = [
        (
            rng.uniform(-0.6, 1.5) * soft_step(power_law_field((height, width), 2.2, rng, (1.0, 1.0)) - 0.4, 0.1),
            _passage(n_frames, rng),
        )
        for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.5 else 0)
    ]
    frames = []
    for t in range(n_frames):
        where = [rows + beat[t] * push[0] + shift[0, t], columns + beat[t] * push[1] + shift[1, t]]
        frame = map_coordinates(coefficients, where, order=3, mode="nearest", prefilter=False)
        for region, course in uptake:
            frame = frame * (1.0 + course[t] * map_coordinates(region, where, order=1, mode="nearest"))
        frames.append(frame.astype(np.float32))
    return np.asarray(np.maximum(np.stack(frames), 0.0), dtype=np.float32)


def weight_series(picture: Volume, n_frames: int, rng: np.random.Generator) -> Volume:
    """Turn a picture into a series of weightings of the same slice: echoes, or diffusion directions.

    Parameters
    ----------
    picture : array, shape (Y, X)
    n_frames : int
    rng : Generator

    Returns
    -------
    array, shape (n_frames, Y, X), float32
        Echoes decay as ``exp(-t R)``; a diffusion series follows ``exp(-b g' D g)`` with an axially symmetric tensor
        whose axis turns smoothly, and begins with a few frames without weighting.
    """
    height, width = picture.shape
    plane: tuple[int, int, int] = (1, height, width)
    fields = [smooth_field(plane, (1.0, 1.0, 1.0), 3.0, rng, 2.0)[0] for _ in range(4)]
    # Tissues differ in more than one parameter: the decay is a smooth but not monotonic function of the brightness.
    mixed = 0.5 + 0.4 * np.sin(rng.uniform(2.0, 9.0) * picture + rng.uniform(0.0, 6.0)) + 0.1 * fields[3]
    mixed = np.clip(mixed, 0.02, 1.2).astype(np.float32)
    if rng.random() < 0.5:
        times = np.arange(n_frames) * rng.uniform(0.03, 0.25)
        return np.stack([picture * np.exp(-np.float32(t) * mixed) for t in times]).astype(np.float32)
    axis = np.stack(fields[:3]) / np.maximum(np.sqrt(np.square(np.stack(fields[:3])).sum(axis=0)), 1e-3)
    directions = rng.standard_normal((n_frames, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    weighting = np.where(np.arange(n_frames) < max(1, n_frames // 12), 0.0, rng.uniform(0.4, 2.0))
    anisotropy = np.float32(rng.uniform(0.2, 1.0)) * np.clip(1.4 - mixed, 0.0, 1.0)
    frames = []
    for b, direction in zip(weighting, directions, strict=True):
        along = np.square(np.tensordot(direction.astype(np.float32), axis, axes=1))
        frames.append(picture * np.exp(-np.float32(b) * mixed * (1.0 - anisotropy + 2.0 * anisotropy * along)))
    return np.stack(frames).astype(np.float32)
