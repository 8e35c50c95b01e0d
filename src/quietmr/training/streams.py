"""The batches of a step, so shared among processes that a run sees the same on any number of them."""

import numpy as np
import torch

from quietmr.data import InputError

# Room for numbers in the 32 bits that torch keeps of a seed on the CPU: 4 million steps of 512 batches.
MOST_STREAMS = 512
_PURPOSES = 2
_ODD = 0x9E3779B1


def batches_of_a_step(wanted: int | None, before: int | None, processes: int) -> int:
    """How many batches all processes take together in one step.

    Parameters
    ----------
    wanted : int, optional
        What the recipe says.
    before : int, optional
        What the run took before it was stopped; kept if the processes can share it evenly.
    processes : int
        Of all nodes.

    Returns
    -------
    int
        A multiple of the number of processes; without wishes one for each.

    Raises
    ------
    InputError
        If the processes cannot share evenly what the recipe says.
    """
    if wanted is None:
        return before if before is not None and before % processes == 0 else processes
    if wanted % processes:
        raise InputError(
            f"The recipe takes {wanted} batches per step, which {processes} processes cannot share evenly: choose a "
            "number of processes that divides it, or another batches_per_step."
        )
    return wanted


def streams_of(rank: int, processes: int, batches: int) -> range:
    """Numbers of the batches of a step that are the work of one process."""
    share = batches // processes
    return range(rank * share, (rank + 1) * share)


def noise_generator(seed: int, step: int, stream: int, device: torch.device, purpose: int = 0) -> torch.Generator:
    """Make the generator of the noise of one batch; no two (step, stream, purpose) of a run share theirs.

    On the CPU torch keeps only 32 bits of a seed, of which a hash would give two batches of a long run the same noise:
    there the batches are counted, and the count is spread over the 32 bits by an odd factor, which keeps it unique.
    """
    if device.type != "cpu":
        word = int(np.random.SeedSequence([seed, step, stream, purpose]).generate_state(1, np.uint64)[0]) >> 1
        return torch.Generator(device).manual_seed(word)
    first = int(np.random.SeedSequence(seed).generate_state(1)[0])
    count = (step * MOST_STREAMS + stream) * _PURPOSES + purpose
    return torch.Generator(device).manual_seed((first + _ODD * count) % 2**32)


def seed_layers(rng: torch.Generator) -> None:
    """Seed the generators of torch itself by that of a batch.

    Layers that leave parts out at random (drop path) draw from them: without this they would do the same in all
    processes, and the same again after each resume.
    """
    # Another word, lest a layer draw what the noise is made of.
    torch.manual_seed(rng.initial_seed() ^ _ODD)
