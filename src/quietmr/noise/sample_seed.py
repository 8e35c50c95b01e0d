"""One seed for each training sample, and white noise that no other sample shares."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from quietmr.data import InputError

_WORD = 32
_LIMIT = 2**64


def sample_seed(base_seed: int, epoch: int, index: int, rank: int = 0) -> int:
    """Seed of one sample: a hash of who asks for it, whatever process or worker does.

    The loaders of a common reference code inherit one random state in each worker and restart it in each epoch, so that
    samples share their noise. Here nothing is inherited.

    Parameters
    ----------
    base_seed : int
        Seed of the run.
    epoch : int
        How often the data were seen before.
    index : int
        Number of the sample within the epoch, or the step of an endless stream.
    rank : int
        Number of the process, if two of them can ask for the same index; 0 where the index counts over all processes
        (then a run sees the same noise on any number of them).

    Returns
    -------
    int
        From 0 to 2^63 - 1: 10^8 samples hold two equal seeds with a probability of 0.05 %.

    Raises
    ------
    InputError
        If a number is negative or needs more than 64 bits.
    """
    words = []
    for name, value in (("base_seed", base_seed), ("epoch", epoch), ("index", index), ("rank", rank)):
        if not 0 <= value < _LIMIT:
            raise InputError(f"The {name} of a sample is {value}: use a whole number from 0 to 2^64 - 1.")
        # Two words each, always: SeedSequence joins numbers of any length, and joined they would not be unique.
        words += [value % 2**_WORD, value >> _WORD]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]) >> 1


def white_noise(shape: Sequence[int], seed: int, like: Tensor) -> Tensor:
    """Complex white noise with SD 1 per real channel, from nothing but the seed.

    On the CPU numpy draws (Philox): ``torch.Generator("cpu")`` keeps only 32 bits of its seed, of which 77 000 samples
    hold two equal ones with a probability of one half. Elsewhere torch draws on the device, with all 64 bits. The same
    seed gives other numbers on another kind of device, with the same law.

    Parameters
    ----------
    shape : sequence of int
    seed : int
        From `sample_seed` or drawn, 0 to 2^63 - 1.
    like : Tensor, complex
        Gives device and precision.

    Returns
    -------
    Tensor, complex
    """
    if like.device.type != "cpu":
        return device_noise(shape, seed, like)
    rng = np.random.Generator(np.random.Philox(seed))
    pairs = rng.standard_normal((*shape, 2), np.float64 if like.dtype == torch.complex128 else np.float32)
    return torch.view_as_complex(torch.from_numpy(pairs)).to(like.dtype)


def device_noise(shape: Sequence[int], seed: int, like: Tensor) -> Tensor:
    """Draw `white_noise` on the device of a tensor, whatever it is."""
    generator = torch.Generator(like.device).manual_seed(seed)
    pairs = torch.randn((*shape, 2), generator=generator, device=like.device, dtype=like.real.dtype)
    return torch.view_as_complex(pairs)
