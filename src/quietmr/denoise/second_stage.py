"""A network and, on top of it, one or more passes of nonlocal Bayes that it guides: the ``quiet`` presets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from quietmr.data import Image, Step
from quietmr.denoise.block_layout import Axis, block_shape
from quietmr.denoise.channels import Picture
from quietmr.denoise.correlation import block_correlation, noise_correlation
from quietmr.denoise.engines import DEFAULT_ENGINE
from quietmr.denoise.frame_pca import common_part
from quietmr.denoise.frame_wiener import filter_frames
from quietmr.denoise.guard import give_back
from quietmr.denoise.network import NetworkDenoiser
from quietmr.denoise.noise_law import allowed, gaussian_around
from quietmr.denoise.nonlocal_bayes import filter_groups
from quietmr.denoise.presets import Preset
from quietmr.denoise.stacks import FrameAxis, from_stacks, to_stacks

# How far a pass goes from the pilot to what the filter found. In complex sequences the pilot knows more than it,
# for it has seen all frames (measured: docs/models.md).
_RELAX, _RELAX_COMPLEX_TIME = 1.4, 0.8
# Blocks per group: static volumes and single slices with white noise, and everything else.
_GROUP_STATIC, _GROUP_SLICE, _GROUP_OTHER = 80, 48, 128
# Complex blocks tell twice, with both parts, how those of a group vary, so fewer are enough. In time the same place is
# looked at again rather than its surroundings (both measured: docs/models.md).
_GROUP_COMPLEX, _SEARCH_COMPLEX_TIME = 48, (8, 2, 2)
# Passes along the frames of a complex sequence (measured: docs/cine_quality.md).
_FRAME_PASSES = 2
# Of the progress of one image, the part that the network makes up.
_NETWORK_SHARE = 0.4


@dataclass(frozen=True)
class GuidedDenoiser:
    """Denoise images with a network and filter the noisy data once more along what it found.

    The network's result is the pilot: it tells which blocks are alike and how they vary, and the filter acts on the
    noisy data, so that texture the network smoothed away comes back. Most of the quality on white noise comes from
    this stage; the network makes one pass enough.

    Parameters
    ----------
    name : str
        Name of the preset, for the history.
    preset : Preset
        Networks that make the pilot, for magnitudes and for complex images, and the passes of the filter.
    device : str
        Where the network runs; the filter runs on the CPU.
    progress : callable, optional
        Is told the done part, 0 to 1.
    engine : str
        What runs the network: "torch", "openvino", "openvino-int8".
    """

    name: str
    preset: Preset
    device: str = "auto"
    progress: Callable[[float], None] | None = field(default=None, compare=False)
    engine: str = DEFAULT_ENGINE

    def __call__(self, image: Image) -> Image:
        """Denoise; see :class:`quietmr.denoise.contract.Denoiser`."""
        steps = self.preset.steps_for(image)
        end = _NETWORK_SHARE if steps.passes else 1.0
        network = NetworkDenoiser(steps.network, self.device, progress=self._tell(0.0, end), engine=self.engine)
        pilot = network(image)
        if steps.along_frames:
            pilot = along_frames(image, pilot)
        assert image.noise is not None, "the network has checked it"
        found = pilot.history[-1].parameters
        taken = {**found, "method": self.name, "network": steps.network, "passes": steps.passes}
        if steps.along_frames:
            taken["frames"] = "principal components, Wiener filter"
        if steps.passes == 0:
            return image.after(Step("denoise", taken), pilot.data)
        axis: FrameAxis = found["third_axis"]
        sigma = image.noise.over(image.shape)
        stacks = [to_stacks(array, axis) for array in (image.data, pilot.data, sigma)]
        tell, results, white = self._tell(_NETWORK_SHARE, 1.0), [], True
        for i, (noisy, guide, spread) in enumerate(zip(*stacks, strict=True)):
            volume, is_white = self._refine(noisy, guide, spread, steps.passes, static=axis == "slices")
            white = white and is_white
            results.append(volume)
            tell((i + 1) / len(stacks[0]))
        data = np.where(sigma > 0, from_stacks(np.stack(results), axis), image.data)
        return image.after(Step("denoise", {**taken, "white_noise": white}), data)

    def _tell(self, start: float, end: float) -> Callable[[float], None]:
        def tell(part: float) -> None:
            if self.progress is not None:
                self.progress(start + (end - start) * part)

        return tell

    def _refine(
        self, noisy: Picture, guide: Picture, sigma: NDArray[np.float32], passes: int, *, static: bool
    ) -> tuple[Picture, bool]:
        """Filter one volume; also tell whether its noise was taken for white."""
        level = np.float32(np.median(sigma[sigma > 0])) if (sigma > 0).any() else np.float32(1.0)
        spread = np.asarray(np.where(sigma > 0, sigma, level) / level, dtype=np.float32)
        x: Picture = allowed(noisy) / (level * spread)
        p: Picture = guide / (level * spread)
        block = block_shape(p)
        axes = noise_correlation(x, p, block)
        group = _group_size(x, is_white=axes is None, static=static)
        shape = None if axes is None else block_correlation(axes)
        in_time = np.iscomplexobj(x) and not static
        search, relax = (_SEARCH_COMPLEX_TIME, _RELAX_COMPLEX_TIME) if in_time else (None, _RELAX)
        for _ in range(passes):
            p = _one_pass(x, p, spread, _Choice(block, search, group, shape, relax))
        return give_back(x, p, correlation=axes) * (level * spread), axes is None


def along_frames(image: Image, pilot: Image) -> Image:
    """Filter the noisy frames along what the network and principal components found, twice."""
    assert image.noise is not None, "the network has checked it"
    axis: FrameAxis = "time"
    sigma = image.noise.over(image.shape)
    level = np.asarray(np.where(sigma > 0, sigma, np.float32(image.noise.level)), dtype=np.float32)
    stacks = (to_stacks(np.asarray(each.data / level, image.data.dtype), axis) for each in (image, pilot))
    found = np.stack([_along_frames(noisy, guide) for noisy, guide in zip(*stacks, strict=True)])
    return pilot.replace(data=np.where(sigma > 0, from_stacks(found, axis) * level, image.data))


def _along_frames(noisy: Picture, guide: Picture) -> Picture:
    """Filter one sequence in units of its noise."""
    found: Picture = np.float32(0.5) * (common_part(noisy) + guide)
    for _ in range(_FRAME_PASSES):
        found = filter_frames(noisy, found)
    return found


def _group_size(x: Picture, *, is_white: bool, static: bool) -> int:
    if np.iscomplexobj(x):
        return _GROUP_COMPLEX
    if is_white and static:
        return _GROUP_SLICE if len(x) == 1 else _GROUP_STATIC
    return _GROUP_OTHER


class _Choice(NamedTuple):
    """What the filter is told about one volume."""

    block: Axis
    search: Axis | None
    group: int
    noise_shape: NDArray[np.float32] | None
    relax: float


def _one_pass(x: Picture, p: Picture, spread: NDArray[np.float32], choice: _Choice) -> Picture:
    """Take one pass in units of the noise SD; the groups are formed in image units, where like tissue looks alike."""
    values, variance = gaussian_around(x, p)
    filtered = filter_groups(
        _tensor(values * spread, x.dtype),
        _tensor(p * spread, x.dtype),
        _tensor(variance * spread**2, spread.dtype),
        block=choice.block,
        search=choice.search,
        group=choice.group,
        correlation=None if choice.noise_shape is None else _tensor(choice.noise_shape, spread.dtype),
        floor=float(spread.min()),
    ).numpy()
    return np.asarray(allowed(p + choice.relax * (filtered / spread - p)), dtype=x.dtype)


def _tensor(array: NDArray[Any], dtype: np.dtype[Any]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=dtype))
