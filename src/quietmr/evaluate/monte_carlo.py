"""Monte-Carlo noise gain: what a denoiser does to noise, measured by giving it the same signal with fresh noise."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap
from quietmr.denoise import Denoiser
from quietmr.evaluate.fresh_noise import Around, take_signal
from quietmr.evaluate.noise_gain import NoiseGain
from quietmr.evaluate.replicas import Replicas
from quietmr.evaluate.running import Running
from quietmr.evaluate.tissue import asked_for

# A denoiser may give the same value every time (0 in air); its gain is not infinite, only too large to be measured.
_LARGEST_GAIN = 1000.0


def noise_gain(  # noqa: PLR0913 - what is measured, by which draws, and where
    denoiser: Denoiser,
    image: Image,
    noise: NoiseMap,
    *,
    replicas: int = 64,
    rng: np.random.Generator,
    mask: NDArray[np.bool_] | None = None,
    around: Image | Around = "denoised",
    workers: int = 1,
    progress: Callable[[float], None] | None = None,
) -> NoiseGain:
    """Measure the noise that a denoiser leaves, voxel by voxel, from replicas with fresh noise.

    Pseudo-replicas (Robson et al., Magn Reson Med 60:895, 2008) through a nonlinear step, as Xue et al. do for their
    networks (SNRAware, arXiv 2503.18162). Noise and signal are told apart by what changes from replica to replica, so
    the gain says nothing about signal that is lost each time; ``bias`` and `lesions.lesion_survival` do.

    Parameters
    ----------
    denoiser : Denoiser
        Such as ``create_denoiser("quiet")`` makes; with several workers it is sent to them.
    image : Image
        The noisy image.
    noise : NoiseMap
        Its noise: level, kind and the filled part of k-space decide how fresh noise is drawn.
    replicas : int
        How many; 64 give each voxel's SD to 9 %.
    rng : numpy.random.Generator
        Each replica gets a generator of its own that this one spawns.
    mask : array of bool, broadcastable to (T, Z, Y, X), optional
        Where the median is taken; tissue without it. The maps cover the whole image.
    around : Image or {"denoised", "image"}
        What noise is added to. The truth, if there is one. The denoised image: a parametric bootstrap (Efron and
        Tibshirani, 1993, chapter 6); detail that the denoiser lost once is not there to keep noise from being removed.
        The noisy image: its own noise then counts as signal, and the denoiser is told sqrt 2 times the noise, which is
        what it gets. With both substitutes the gain is an upper bound (measured: docs/without_truth.md).
    workers : int
        Processes; the result is the same for any number.
    progress : callable, optional
        Is told the done part, 0 to 1.

    Returns
    -------
    NoiseGain

    Raises
    ------
    InputError
        If there are fewer than two replicas, the noise is zero, a shape does not fit, or the mask is empty.
    """
    if replicas < 2:
        raise InputError(f"An SD needs at least 2 replicas, got {replicas}: use 64 for a map, 16 for a median.")
    inside = asked_for(image, noise, mask)
    signal, told = take_signal(denoiser, image, noise, around)
    task = Replicas(denoiser, image.replace(data=signal, noise=None), noise, told)
    before, after = Running(), Running()
    for noisy, denoised in task.run(rng.spawn(replicas), workers):
        before.add(noisy)
        after.add(denoised)
        if progress is not None:
            progress(after.count / replicas)
    gain = _ratio(before.sd, after.sd)
    return NoiseGain(
        sd=after.sd,
        gain=gain,
        replicas=replicas,
        median=float(np.median(gain[inside])),
        relative_error=float(1 / np.sqrt(2 * (replicas - 1) * (2 if image.is_complex else 1))),
        bias=_part_in_phase(after.mean - signal, signal),
    )


def _ratio(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    lowest = np.maximum(after, before / np.float32(_LARGEST_GAIN))
    gain: NDArray[np.float32] = np.divide(before, lowest, out=np.zeros_like(before), where=before > 0)
    return gain


def _part_in_phase(difference: NDArray[Any], signal: NDArray[Any]) -> NDArray[np.float32]:
    """Give the difference itself if it is real; of a complex one, the part that makes the signal longer or shorter."""
    if not np.iscomplexobj(signal):
        return np.asarray(difference, dtype=np.float32)
    phase = np.exp(-1j * np.angle(signal))
    return np.asarray((difference * phase).real, dtype=np.float32)
