"""A trained network as a denoiser of whole images."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap, Step
from quietmr.denoise.channels import Picture, from_channels, is_for_complex, to_channels
from quietmr.denoise.engines import DEFAULT_ENGINE, Runner, start_engine
from quietmr.denoise.scaling import scaling_of
from quietmr.denoise.stacks import frame_axis, from_stacks, to_stacks
from quietmr.models import Card, create_model, load_card
from quietmr.signal.tiling import blend, plan_tiles, tile_limit

# Halos, (F, Y, X) in voxels, with which tiles give the whole to 2e-3 sigma (magnitudes) and 1e-3 sigma (complex images,
# whose network looks farther): measured in float32 on the shipped weights, tests/denoise/test_tiles.py.
HALO, COMPLEX_HALO = (16, 32, 32), (24, 48, 48)


@dataclass(frozen=True)
class NetworkDenoiser:
    """Denoise images with a trained network, tile by tile: magnitudes or complex ones, as the network was trained.

    The image is divided by its noise level, or by what the card of a network for intensities from 0 to 1 says. Peak
    memory is about 300 bytes per voxel of one tile for our own networks on top of three copies of the image.

    Parameters
    ----------
    model : str
        Name of a trained model (``quietmr models list``).
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    tile_voxels : int
        Largest tile in voxels.
    progress : callable, optional
        Is told the done part, 0 to 1, after each tile.
    engine : str
        What runs the network: "torch", "openvino", "openvino-int8".
    """

    model: str
    device: str = "auto"
    tile_voxels: int = 7_200_000
    progress: Callable[[float], None] | None = field(default=None, compare=False)
    engine: str = DEFAULT_ENGINE

    def __call__(self, image: Image) -> Image:
        """Denoise; see :class:`quietmr.denoise.contract.Denoiser`."""
        card = load_card(self.model)
        noise = checked_noise(image, self.model, is_complex=is_for_complex(card))
        scaling = scaling_of(card, image, noise)
        network = create_model(self.model)
        # Told no end of SNR, an engine computes in float32: 16 bits hold 1/256 of white, which is not below the noise.
        snr = math.inf if scaling.ends else float(np.percentile(np.abs(image.data), 99)) / noise.level
        runner = start_engine(self.engine, network, self.device, snr)
        multiple = getattr(network, "multiple", (1, 1, 1))
        axis = frame_axis(image)
        scaled: Picture = to_stacks(scaling.scaled(image), axis)
        sigma = to_stacks(noise.over(image.shape), axis)
        results = list(self._run(runner, multiple, scaled, sigma / np.float32(scaling.unit)))
        denoised = scaling.restored(from_stacks(np.stack(results), axis), image, noise)
        step = network_step(self.model, card, runner, {**scaling.facts, "engine": self.engine, "third_axis": axis})
        return image.after(step, denoised)

    def _run(
        self,
        runner: Runner,
        multiple: tuple[int, int, int],
        scaled: Picture,
        sigma: NDArray[np.float32],
    ) -> Iterator[Picture]:
        f, y, x = scaled.shape[1:]
        halo = COMPLEX_HALO if np.iscomplexobj(scaled) else HALO
        limit = tile_limit((f, y, x), self.tile_voxels, halo, multiple)
        tiles = plan_tiles((f, y, x), limit, halo, multiple)
        total, done = len(tiles) * len(scaled), 0

        def results(stack: Picture, spread: NDArray[np.float32]) -> Iterator[Picture]:
            nonlocal done
            for tile in tiles:
                yield from_channels(runner(to_channels(stack[tile.where], spread[tile.where])))
                done += 1
                if self.progress is not None:
                    self.progress(done / total)

        for stack, spread in zip(scaled, sigma, strict=True):
            yield blend((f, y, x), tiles, results(stack, spread))


def network_step(model: str, card: Card, runner: Runner, facts: Mapping[str, Any]) -> Step:
    """Say for the history which network ran, by which weights, on what and how exactly, with further facts."""
    parameters = {
        "method": model,
        "weights_sha256": card.sha256,
        **facts,
        "device": runner.device,
        "precision": runner.precision,
    }
    return Step("denoise", parameters)


def checked_noise(image: Image, model: str, *, is_complex: bool) -> NoiseMap:
    """Give the noise of an image that a network can take.

    Raises
    ------
    InputError
        If the image is of another kind than the network, its noise is unknown or zero, or it is no magnitude.
    """
    if image.is_complex and not is_complex:
        raise InputError(
            f"The network '{model}' denoises magnitude images, got a complex one: choose quiet or quiet-complex, which "
            "take complex images, or give the magnitude."
        )
    if is_complex and not image.is_complex:
        raise InputError(
            f"The network '{model}' denoises complex images, got a magnitude: choose quiet or quiet-fast, which take "
            "magnitudes, or give real and imaginary part."
        )
    if image.noise is None:
        raise InputError(
            "The image carries no noise level: set image.noise or call quietmr.denoise, which estimates it."
        )
    if not is_complex:
        _check_magnitude(image, image.noise)
    if image.noise.level == 0.0:
        raise InputError("The noise level is zero everywhere, so there is nothing to remove: check the noise map.")
    return image.noise


def _check_magnitude(image: Image, noise: NoiseMap) -> None:
    below = image.data < -3.0 * noise.over(image.shape)
    if below.mean() > 0.02:
        raise InputError(
            f"{100 * below.mean():.0f} % of the voxels are clearly negative, so this is not a magnitude image: "
            "give the magnitude, or choose a classical method for signed data."
        )
