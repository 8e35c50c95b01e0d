"""A trained network as a denoiser of whole images: the only place that translates between images and tensors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap, Step
from quietmr.denoise.engines import DEFAULT_ENGINE, Runner, start_engine
from quietmr.denoise.stacks import frame_axis, from_stacks, to_stacks
from quietmr.models import create_model, load_card
from quietmr.signal.tiling import blend, plan_tiles, tile_limit

# Distance from a cut, (F, Y, X) in voxels, beyond which the result differs from the whole by less than 1e-3 sigma
# (measured on the shipped weights, tests/denoise/test_network.py).
HALO = (16, 32, 32)


@dataclass(frozen=True)
class NetworkDenoiser:
    """Denoise magnitude images with a trained network, tile by tile.

    Peak memory is about 300 bytes per voxel of one tile on top of three copies of the image.

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
        noise = _checked_noise(image)
        level = noise.level
        card = load_card(self.model)
        network = create_model(self.model)
        runner = start_engine(self.engine, network, self.device, float(np.percentile(image.data, 99)) / level)
        multiple = getattr(network, "multiple", (1, 1, 1))
        axis = frame_axis(image)
        scaled = to_stacks(np.maximum(image.data, 0.0) / level, axis)
        sigma = to_stacks(noise.over(image.shape), axis)
        results = list(self._run(runner, multiple, scaled, sigma / np.float32(level)))
        denoised = from_stacks(np.stack(results), axis) * np.float32(level)
        denoised = np.where(noise.over(image.shape) > 0, denoised, image.data)
        parameters = {
            "method": self.model,
            "weights_sha256": card.sha256,
            "engine": self.engine,
            "device": runner.device,
            "precision": runner.precision,
            "third_axis": axis,
        }
        return image.after(Step("denoise", parameters), denoised)

    def _run(
        self,
        runner: Runner,
        multiple: tuple[int, int, int],
        scaled: NDArray[np.float32],
        sigma: NDArray[np.float32],
    ) -> Iterator[NDArray[np.float32]]:
        f, y, x = scaled.shape[1:]
        limit = tile_limit((f, y, x), self.tile_voxels, HALO, multiple)
        tiles = plan_tiles((f, y, x), limit, HALO, multiple)
        total, done = len(tiles) * len(scaled), 0

        def results(stack: NDArray[np.float32], spread: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
            nonlocal done
            for tile in tiles:
                yield np.maximum(runner(np.stack([stack[tile.where], spread[tile.where]])), np.float32(0.0))
                done += 1
                if self.progress is not None:
                    self.progress(done / total)

        for stack, spread in zip(scaled, sigma, strict=True):
            yield blend((f, y, x), tiles, results(stack, spread))


def _checked_noise(image: Image) -> NoiseMap:
    if image.is_complex:
        raise InputError(
            "This network denoises magnitude images, got a complex one: give the magnitude or use a classical method."
        )
    if image.noise is None:
        raise InputError(
            "The image carries no noise level: set image.noise or call quietmr.denoise, which estimates it."
        )
    below = image.data < -3.0 * image.noise.over(image.shape)
    if below.mean() > 0.02:
        raise InputError(
            f"{100 * below.mean():.0f} % of the voxels are clearly negative, so this is not a magnitude image: "
            "give the magnitude, or choose a classical method for signed data."
        )
    if image.noise.level == 0.0:
        raise InputError("The noise level is zero everywhere, so there is nothing to remove: check the noise map.")
    return image.noise
