"""A 2-D network for intensities from 0 to 1 as a denoiser of whole images."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quietmr.data import Image, QuietmrWarning
from quietmr.denoise.engines import DEFAULT_ENGINE, start_engine
from quietmr.denoise.network import checked_noise, network_step
from quietmr.denoise.scaling import scaling_of
from quietmr.denoise.stacks import frame_axis, from_stacks, to_stacks
from quietmr.denoise.windows import over_windows, window_of
from quietmr.models import create_model, load_card


@dataclass(frozen=True)
class PlaneDenoiser:
    """Denoise magnitudes with a 2-D network that wants intensities from 0 to 1, plane by plane.

    The image is divided by a multiple of its brightest tissue, as in training (``white``), and so is the noise map,
    where the network is told it. What is brighter stays as it is. Planes are cut only for networks whose gates pool
    over them, into windows as large as the patches of their training. Warns that a generative network may invent.

    Parameters
    ----------
    model : str
        Path or name of a trained model whose card has a ``white``.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    voxels : int
        Planes of about so many voxels together are done at a time.
    progress : callable, optional
        Is told the done part, 0 to 1.
    engine : str
        What runs the network.
    """

    model: str
    device: str = "auto"
    voxels: int = 2**18
    progress: Callable[[float], None] | None = field(default=None, compare=False)
    engine: str = DEFAULT_ENGINE

    def __call__(self, image: Image) -> Image:
        """Denoise; see :class:`quietmr.denoise.contract.Denoiser`."""
        card = load_card(self.model)
        noise = checked_noise(image, self.model, is_complex=False)
        scaling = scaling_of(card, image, noise)
        if card.is_generative:
            warnings.warn(
                f"'{card.name}' is a generative network (GAN): its output may show structure that is not in the scan. "
                "Look at what it took away and added: scan minus result (--removed FILE of quietmr denoise).",
                QuietmrWarning,
                stacklevel=2,
            )
        # Told no end of SNR, an engine computes in float32: 16 bits hold 1/256 of white, which is not below the noise.
        network = create_model(self.model)
        window, grid = window_of(network, card.recipe), getattr(network, "multiple", (1, 1, 1))[1]
        runner = start_engine(self.engine, network, self.device, math.inf)
        axis = frame_axis(image)
        scaled = to_stacks(np.asarray(scaling.scaled(image), np.float32), axis)
        sigma = to_stacks(np.asarray(noise.over(image.shape) / np.float32(scaling.unit), np.float32), axis)
        planes, levels = (array.reshape(-1, *array.shape[-2:]) for array in (scaled, sigma))
        made, count = np.empty_like(planes), max(1, self.voxels // planes[0].size)
        for start in range(0, len(planes), count):
            some = slice(start, start + count)
            made[some] = over_windows(runner, np.stack([planes[some], levels[some]]), window, grid)
            if self.progress is not None:
                self.progress(min(1.0, some.stop / len(planes)))
        facts: dict[str, Any] = {
            **({"generative": True} if card.is_generative else {}),
            **scaling.facts,
            **({"window": window} if window is not None else {}),
            "engine": self.engine,
            "third_axis": axis,
        }
        denoised = from_stacks(made.reshape(scaled.shape), axis)
        step = network_step(self.model, card, runner, facts)
        return image.after(step, scaling.restored(denoised, image, noise))
