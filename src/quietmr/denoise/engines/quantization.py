"""The ranges that 8-bit integers have to cover, measured on procedural anatomy of the brightness of the image.

The inputs of a network are in units of the noise, so that their range depends on the SNR alone. Ours: post-training
quantization of the convolutions inside the residual blocks, which do most of the work; the first and the last
convolution and the changes of resolution, which carry the signal itself, stay in floating point.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from quietmr.models.blocks import ResidualBlock
from quietmr.noise.synthesis import NoiseLaw, add_noise, draw_noise
from quietmr.phantoms import Mixture, draw_scene

# Up to this brightest signal over noise the error of int8 was measured (docs/engines.md).
HIGHEST_SNR = 64.0
_DARKEST = 8.0
_SEED = 11
_SHAPES = ((12, 48, 48), (1, 112, 112))
# Scenes of each shape: batches, as oneDNN leaves single small ones to slower code.
_BATCH = 2


def brightness_class(snr: float) -> float:
    """Round the SNR up to 8, 16, 32 ...: images of one class share their ranges."""
    return float(2 ** math.ceil(math.log2(max(snr, _DARKEST))))


def measure_ranges(network: nn.Module, snr: float) -> dict[str, tuple[float, float]]:
    """Measure the input ranges of the convolutions inside the residual blocks.

    Parameters
    ----------
    network : nn.Module
        On the CPU, in float32.
    snr : float
        Brightest tissue over noise level of the scenes, which are the same for every call.

    Returns
    -------
    dict
        Lowest (at most 0) and highest input by name of the convolution; without those whose input is always 0.
    """
    found: dict[str, tuple[float, float]] = {}

    def watch(name: str, layer: nn.Module) -> RemovableHandle:
        def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, float(inputs[0].amin())), max(high, float(inputs[0].amax()))

        return layer.register_forward_pre_hook(note)

    handles = [
        watch(f"{name}.{part}", getattr(block, part))
        for name, block in network.named_modules()
        if isinstance(block, ResidualBlock)
        for part in ("first", "second")
    ]
    try:
        with torch.inference_mode():
            for shape in _SHAPES:
                network(torch.cat([_scene(shape, snr, seed=_SEED + i) for i in range(_BATCH)]))
    finally:
        for handle in handles:
            handle.remove()
    return {name: (low, high) for name, (low, high) in found.items() if high > low}


def _scene(shape: tuple[int, int, int], snr: float, seed: int) -> Tensor:
    """Draw a noisy scene and its noise map in units of the noise, shape (1, 2, F, Y, X)."""
    clean = draw_scene(shape, Mixture(dynamic=0.0), np.random.default_rng(seed))
    rng = torch.Generator().manual_seed(seed)
    law = NoiseLaw(lowest=1.0 / snr, highest=1.0 / snr, jitter=0.0)
    noisy, _, sigma = add_noise(torch.as_tensor(clean, dtype=torch.float32), draw_noise(shape, law, rng))
    return torch.stack([noisy, sigma])[None] * snr
