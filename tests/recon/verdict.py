"""Judge a reconstruction of repeated measurements against the truth: what a physicist would measure on the images.

Only the images and the g-map are looked at (recon.md section 3). Each criterion is a statement with a tolerance that
follows from sampling, not from what the program printed.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from quietmr.data import Flag, Image
from quietmr.phantoms.raw import RawScan


@dataclass(frozen=True)
class Verdict:
    """Measured figures; ``faults`` names the criteria that they miss."""

    sd_over_g: float
    scatter: float
    expected_scatter: float
    worst_quartile: float
    real_over_imaginary: float
    signal: float
    signal_spread: float
    g_over_sense: float
    worst_g: float
    g_correlation: float

    @property
    def faults(self) -> list[str]:
        checks = {
            # median of the ratio, after the known low bias of the median of a sample SD
            "noise SD is g": abs(self.sd_over_g - 1) <= 0.01,
            "scatter is that of sampling": abs(self.scatter / self.expected_scatter - 1) <= 0.08,
            "noise SD is g at low and at high g": abs(self.worst_quartile - 1) <= 0.025,
            "real and imaginary part have the same noise": abs(self.real_over_imaginary - 1) <= 0.03,
            "signal": abs(self.signal - 1) <= 0.05,
            # residual aliases; a noise-only test, and a median, would not see them
            "signal everywhere": self.signal_spread <= 1.15,
            "g is near that of SENSE": abs(self.g_over_sense - 1) <= 0.12,
            "g is near that of SENSE everywhere": self.worst_g <= 1.3,
            "g has the pattern of SENSE": self.g_correlation > 0.8,
        }
        return [name for name, holds in checks.items() if not holds]


def judge(image: Image, scan: RawScan, *, signal_scale: float, exact_g: bool = True) -> Verdict:
    """Compare repetitions of a static object with the truth.

    ``signal_scale`` is what physics asks for, sqrt(R_eff) / R, computed from the protocol by the caller. Without
    ``exact_g`` the own g is held against the noise only: one noisy calibration block of its own moves it.
    """
    data, g, n = image.data.astype(np.complex128), image.noise.sigma[0].astype(float), image.shape[0]
    mask = scan.truth.mask
    real, imaginary = data.real.var(0, ddof=1), data.imag.var(0, ddof=1)
    sd = np.sqrt(0.5 * (real + imaginary))
    freedom = 2 * (n - 1)
    ratio = (sd / g)[mask] / np.sqrt(chi2.median(freedom) / freedom)
    quartile = np.digitize(g[mask], np.quantile(g[mask], [0.25, 0.5, 0.75]))
    medians = np.array([np.median(ratio[quartile == q]) for q in range(4) if (quartile == q).any()])
    level = (np.abs(data.mean(0)) / np.abs(scan.truth.image[0]))[mask] / signal_scale
    sense = sense_g_in_object(scan)[mask] if exact_g else g[mask]
    against_sense = g[mask] / sense
    return Verdict(
        sd_over_g=float(np.median(ratio)),
        scatter=float(np.sqrt(np.mean((ratio - 1) ** 2))),
        expected_scatter=1 / np.sqrt(2 * freedom),
        worst_quartile=float(medians[np.abs(medians - 1).argmax()]),
        real_over_imaginary=float(np.sqrt(np.median(real[mask]) / np.median(imaginary[mask]))),
        signal=float(np.median(level)),
        signal_spread=float(np.exp(np.abs(np.log(np.percentile(level, [5, 95]))).max())),
        g_over_sense=float(np.median(against_sense)),
        worst_g=float(np.exp(np.abs(np.log(np.percentile(against_sense, [5, 95]))).max())),
        # where g hardly varies there is no pattern to compare
        g_correlation=float(np.corrcoef(g[mask], sense)[0, 1])
        if np.subtract(*np.percentile(sense, [95, 5])) > 0.15
        else 1,
    )


def sense_g_in_object(scan: RawScan) -> np.ndarray:
    """Analytic SENSE g, aliases counted where there is something: GRAPPA need not suppress aliases of air.

    The aliases of a pixel are where the point spread of the sampling is not zero. Pruessmann et al., MRM 42:952 (1999).
    """
    maps, encoding = scan.truth.coil_maps, scan.kspace.encoding
    headers = scan.kspace.imaging.headers[scan.kspace.imaging.headers["repetition"] == 0]
    headers = headers[headers["flags"] & np.uint64(Flag.CALIBRATION) == 0]
    _, n_z, n_y, n_x = maps.shape
    z, y = np.meshgrid(np.arange(n_z), np.arange(n_y), indexing="ij")
    # the whole lattice, also where partial Fourier left it out
    r1, r2 = encoding.acceleration
    kz, ky = (headers[f"kspace_encode_step_{i}"].astype(int) for i in (2, 1))
    z0, y0 = kz[0], ky[0]
    shift = next(s for s in range(r2) if ((kz - z0 - s * ((ky - y0) // r1)) % r2 == 0).all())
    lattice = ((y - y0) % r1 == 0) & ((z - z0 - shift * ((y - y0) // r1)) % r2 == 0)
    spread = np.abs(np.fft.ifft2(lattice))
    aliases = np.argwhere(spread > 0.5 * spread.max())
    something = np.abs(scan.truth.image[0]) > 0.02 * np.abs(scan.truth.image).max()
    g = np.ones((n_z, n_y, n_x))
    for iz, iy in np.ndindex(n_z, n_y):
        where = (iz + aliases[:, 0]) % n_z, (iy + aliases[:, 1]) % n_y
        s = maps[:, *where].transpose(2, 1, 0) * something[where].T[:, :, None]
        # the pixel itself comes first; an alias of air drops out of the system
        gram = s.conj() @ s.transpose(0, 2, 1) + np.where(something[where].T, 0, 1)[:, :, None] * np.eye(len(aliases))
        inverse = np.linalg.inv(gram)
        g[iz, iy] = np.sqrt((inverse[:, 0, 0] * gram[:, 0, 0]).real)
    return g
