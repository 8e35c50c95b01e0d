"""No two samples share noise, whoever draws them; the same sample always gets the same."""

import hashlib
from itertools import product

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from quietmr.data import InputError
from quietmr.noise.mr_law import OURS
from quietmr.noise.mr_noise import apply, draw
from quietmr.noise.sample_seed import device_noise, sample_seed, white_noise

ZEROS = torch.zeros((3, 8, 8), dtype=torch.complex64)


def noise_of(base_seed, epoch, index, rank):
    return draw(np.random.default_rng(sample_seed(base_seed, epoch, index, rank)), (3, 8, 8), OURS)


def white_hash(seed):
    return hashlib.sha256(white_noise((3, 8, 8), seed, ZEROS).numpy().tobytes()).hexdigest()


class Noise(Dataset):
    """Hash of the white noise of a sample; the sampler says who asks: workers that stay would not learn the epoch."""

    def __getitem__(self, who):
        return white_hash(noise_of(*who).seed)


class Asking(Sampler):
    def __init__(self, rank):
        self.epoch, self.rank = 0, rank

    def __len__(self):
        return 12

    def __iter__(self):
        return ((7, self.epoch, index, self.rank) for index in range(len(self)))


def two_epochs(rank, **workers):
    sampler = Asking(rank)
    loader = DataLoader(Noise(), batch_size=3, sampler=sampler, **workers)
    hashes = []
    for sampler.epoch in (0, 1):
        hashes += [each for batch in loader for each in batch]
    return hashes


def test_no_two_samples_share_noise_over_runs_epochs_indices_and_ranks():
    who = list(product((0, 7), range(6), range(64), range(4)))
    hashes = {white_hash(noise_of(*each).seed) for each in who}
    assert len(hashes) == len(who) == 3072


def test_samples_of_loaders_share_no_noise_and_do_not_depend_on_the_workers():
    alone = two_epochs(rank=0)
    assert two_epochs(rank=0, num_workers=2, multiprocessing_context="spawn", persistent_workers=True) == alone
    assert len({*alone, *two_epochs(rank=1)}) == 2 * 2 * 12


def test_noise_of_different_samples_is_uncorrelated():
    shape = (1, 128, 128)
    noises = [white_noise(shape, sample_seed(0, e, i, r), ZEROS).flatten() for e, i, r in product((0, 1), repeat=3)]
    stacked = torch.stack(noises)
    correlation = (stacked @ stacked.mH).abs() / 2 / stacked.shape[1]
    apart = correlation - torch.diag(correlation.diag())
    # Mean of n products of independent complex values of power 2: Rayleigh with scale 1 / sqrt(2 n), 28 pairs.
    assert float(apart.max()) < 4.5 / np.sqrt(2 * stacked.shape[1])


def test_seeds_that_agree_in_32_bits_give_different_noise():
    # torch.Generator on the CPU takes them for the same seed.
    assert white_hash(11) != white_hash(11 + 2**32)


def test_large_numbers_do_not_run_into_each_other():
    assert sample_seed(2**32, 5, 7, 9) != sample_seed(0, 1 + 5 * 2**32, 7, 9)
    assert sample_seed(0, 0, 1, 0) != sample_seed(0, 1, 0, 0) != sample_seed(0, 0, 0, 1)


@pytest.mark.parametrize("numbers", [(-1, 0, 0, 0), (0, -1, 0, 0), (0, 0, -3, 0), (0, 0, 0, 2**64)])
def test_numbers_that_cannot_be_hashed_are_refused(numbers):
    with pytest.raises(InputError, match="whole number from 0"):
        sample_seed(*numbers)


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
@pytest.mark.parametrize("make", [white_noise, device_noise])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_white_noise_has_unit_sd_per_channel_and_independent_channels(device, make, dtype):
    noise = make((16, 64, 64), 3, torch.zeros(1, dtype=dtype, device=device))
    assert noise.device.type == device
    assert torch.equal(noise, make((16, 64, 64), 3, noise))
    assert noise.dtype == dtype
    n = noise.numel()
    for channel in (noise.real, noise.imag):
        assert float(channel.std()) == pytest.approx(1, abs=4 / np.sqrt(2 * n))
        assert float(channel.mean()) == pytest.approx(0, abs=4 / np.sqrt(n))
    assert float((noise.real * noise.imag).mean()) == pytest.approx(0, abs=4 / np.sqrt(n))


def test_same_sample_same_pair_other_sample_other_pair():
    one, two, other = (apply(noise_of(1, 2, index, 0), ZEROS).noisy for index in (3, 3, 4))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert noise_of(1, 2, 3, 0) == noise_of(1, 2, 3, 0) != noise_of(1, 2, 4, 0)
