"""Frames with irregular sampling (random, variable density): iterative SENSE, g by pseudo-replicas."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from quietmr.data import InputError
from quietmr.recon.calibration import averaged_lines, readout_extent
from quietmr.recon.frame_plan import Complex
from quietmr.recon.scan import Scan
from quietmr.recon.sense import cg_sense
from quietmr.recon.snr_units import Scale

_ITERATIONS = 30
_REPLICAS, _AT_A_TIME, _SEED = 48, 8, 20051439
# g is smooth, the SD of 48 replicas scatters by 7 %: averaging over neighbors leaves about 1 %
_SMOOTH = 2.0


@dataclass(frozen=True, eq=False)
class IrregularFrames:
    """Makes the frames of one slice by conjugate gradients.

    Attributes
    ----------
    scan : Scan
    mixing : Tensor, shape (C', C)
        Whitening, then compression.
    maps : Tensor, shape (C', Z, Y, X), complex64
    """

    scan: Scan
    mixing: Tensor
    maps: Tensor

    def __post_init__(self) -> None:
        grid = self.scan.grid
        if grid.full[:2] != grid.kspace[:2] or grid.kept[2] != grid.native_readout:
            raise InputError(
                f"A scan with irregular sampling is reconstructed on its own matrix, {grid.native_readout} x "
                f"{grid.kspace[1]} x {grid.kspace[0]} (x, y, z): leave --resize out, or give the protocol that matrix."
            )
        if any(name != "none" for name in self.scan.settings.filters):
            raise InputError("k-space filters need regular sampling, which this scan has not: leave --filter out.")

    def __call__(self, chosen: NDArray[np.int64]) -> tuple[Complex, Scale]:
        """Reconstruct a frame from its readouts; see `FrameMaker`."""
        kspace, mask, _ = self._lines(chosen)
        image = cg_sense(
            kspace, mask, self.maps, iterations=_ITERATIONS, regularization=self.scan.settings.regularization
        )
        scale = self._scale(mask)
        return self.scan.grid.crop(image.cpu().numpy() * np.float32(scale.factor)), scale

    def gfactor(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Noise SD of a frame from pseudo-replicas (Robson et al., MRM 60:895, 2008), smoothed, shape (Z, Y, X)."""
        _, mask, sd = self._lines(chosen)
        generator = torch.Generator().manual_seed(_SEED)
        power = torch.zeros(self.maps.shape[1:], dtype=torch.float64)
        for _ in range(_REPLICAS // _AT_A_TIME):
            # torch's complex normal has the variance 1: SD 1 per real channel is sqrt(2) of it
            noise = torch.randn((_AT_A_TIME, *self.maps.shape), dtype=torch.complex64, generator=generator)
            noise = (noise * (2**0.5 * sd * mask.cpu())).to(self.maps.device)
            images = cg_sense(
                noise, mask, self.maps, iterations=_ITERATIONS, regularization=self.scan.settings.regularization
            )
            power += images.abs().square().sum(dim=0).cpu()
        variance = (power / (2 * _REPLICAS)).numpy() * self._scale(mask).factor ** 2
        smooth = gaussian_filter(variance, [_SMOOTH if n > 1 else 0 for n in variance.shape], mode="nearest")
        gmap = self.scan.grid.crop(np.sqrt(smooth).astype(np.float32))
        facts = {
            "method": "iterative sense",
            "iterations": _ITERATIONS,
            "lambda": self.scan.settings.regularization,
            "g_replicas": _REPLICAS,
            "g_seed": _SEED,
            "acceleration": self._scale(mask).r_eff,
            "lattice": "irregular",
            "g_median": float(np.median(gmap)),
        }
        return gmap, facts

    def _lines(self, chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Whitened k-space (C, Z, Y, X), mask (Z, Y, X), and noise SD of the (averaged) samples (Z, Y, 1)."""
        grid = self.scan.grid
        whole = (slice(0, grid.kspace[0]), slice(0, grid.kspace[1]))
        kspace, times = averaged_lines([(self.scan.imaging, chosen)], whole, grid, self.mixing)
        first, last, _ = readout_extent([self.scan.imaging], grid)
        mask = torch.zeros(kspace.shape[1:], dtype=torch.bool)
        mask[:, :, first:last] = torch.from_numpy(times > 0)[:, :, None]
        mask = mask.to(kspace.device)
        sd = torch.from_numpy(1 / np.sqrt(np.maximum(times, 1)))[:, :, None]
        return kspace * mask, mask, sd

    def _scale(self, mask: Tensor) -> Scale:
        r_eff = mask.numel() / int(mask.sum())
        return Scale(1 / r_eff**0.5, r_eff, 1 / r_eff**0.5)
