"""Repeated measurements of one object held against its truth: is the noise what the g-map says?"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from quietmr.data import Flag, Image
from quietmr.phantoms.raw import RawScan
from quietmr.signal.fourier import to_image, to_kspace


@dataclass(frozen=True)
class Verdict:
    """Figures of one case, over the pixels of the object.

    Attributes
    ----------
    sd_over_g : float
        Median of (SD over the repetitions) / g, over the median that the sample SD of as many draws has.
    scatter : float
        RMS of that ratio around 1.
    expected_scatter : float
        What sampling alone makes of it.
    worst_quartile : float
        The median farthest from 1 of the four quarters of the object with the lowest to the highest g.
    signal : float
        Mean image / truth, median, over the amplitude that R_eff asks for.
    g_median, g_over_sense : float
        Median of g, and of g / analytic SENSE g; NaN where that is not defined.
    """

    sd_over_g: float
    scatter: float
    expected_scatter: float
    worst_quartile: float
    signal: float
    g_median: float
    g_over_sense: float

    @property
    def passes(self) -> bool:
        """The goals: 1 % in the median, scatter of sampling (within 8 % of it), signal within 5 %."""
        return (
            abs(self.sd_over_g - 1) <= 0.01
            and abs(self.scatter / self.expected_scatter - 1) <= 0.08
            and abs(self.signal - 1) <= 0.05
        )


def judge(image: Image, scan: RawScan, signal_scale: float) -> Verdict:
    """Compare repetitions of a static object with the truth."""
    data, g, n = image.data.astype(np.complex128), image.noise.sigma[0].astype(float), image.shape[0]
    shape = image.shape[1:]
    truth, mask = _finer(scan.truth.image[0], shape), _nearest(scan.truth.mask, shape)
    freedom = 2 * (n - 1)
    sd = np.sqrt(0.5 * (data.real.var(0, ddof=1) + data.imag.var(0, ddof=1)))
    ratio = (sd / g)[mask] / np.sqrt(chi2.median(freedom) / freedom)
    quartile = np.digitize(g[mask], np.quantile(g[mask], [0.25, 0.5, 0.75]))
    medians = np.array([np.median(ratio[quartile == q]) for q in range(4) if (quartile == q).any()])
    sense = sense_g_in_object(scan)
    return Verdict(
        sd_over_g=float(np.median(ratio)),
        scatter=float(np.sqrt(np.mean(np.square(ratio - 1)))),
        expected_scatter=float(1 / np.sqrt(2 * freedom)),
        worst_quartile=float(medians[np.abs(medians - 1).argmax()]),
        signal=float(np.median((np.abs(data.mean(0)) / np.abs(truth))[mask])) / signal_scale,
        g_median=float(np.median(g[mask])),
        g_over_sense=float("nan") if sense is None else float(np.median((g / _nearest(sense, shape))[mask])),
    )


def counted_signal_scale(scan: RawScan) -> float:
    """Amplitude relative to a fully sampled scan, sqrt(R_eff) / R, from the number of acquired samples."""
    encoding, readouts = scan.kspace.encoding, scan.kspace.imaging
    acquired = int((readouts.headers["repetition"] == 0).sum()) * readouts.n_samples
    return float(np.sqrt(np.prod(encoding.matrix) / acquired) / np.prod(encoding.acceleration))


def _finer(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate with zeros around k-space, amplitude kept."""
    if image.shape == shape:
        return image
    axes = tuple(axis for axis in range(3) if image.shape[axis] > 1)
    padding = [((m // 2 - n // 2), (m - n) - (m // 2 - n // 2)) for n, m in zip(image.shape, shape, strict=True)]
    padded = np.pad(to_kspace(image, axes), padding)
    return np.asarray(to_image(padded, axes) * np.sqrt(np.prod(shape) / image.size))


def _nearest(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values of the nearest pixels of the same field of view."""
    places = [
        np.clip(np.rint((np.arange(m) - m // 2) * n / m + n // 2).astype(int), 0, n - 1)
        for n, m in zip(picture.shape, shape, strict=True)
    ]
    return picture[np.ix_(*places)]


def sense_g_in_object(scan: RawScan) -> np.ndarray | None:
    """Analytic SENSE g of the true coil maps (Pruessmann et al., MRM 42:952, 1999); aliases in air do not count.

    GRAPPA need not suppress aliases of air, where nothing is. None if the aliases of a pixel lie between pixels.
    """
    lattice = _lattice(scan)
    spread = np.abs(np.fft.ifft2(lattice))
    peaks = spread > 0.5 * spread.max()
    if spread[~peaks].max(initial=0) > 1e-6 * spread.max():
        return None
    aliases = np.argwhere(peaks)
    maps = scan.truth.coil_maps
    n_z, n_y = lattice.shape
    something = np.abs(scan.truth.image[0]) > 0.02 * np.abs(scan.truth.image).max()
    g = np.ones(maps.shape[1:])
    for z, y in np.ndindex(n_z, n_y):
        where = (z + aliases[:, 0]) % n_z, (y + aliases[:, 1]) % n_y
        counted = something[where].T
        counted[:, 0] = True
        folded = maps[:, *where].transpose(2, 1, 0) * counted[:, :, None]
        gram = folded.conj() @ folded.transpose(0, 2, 1) + np.where(counted, 0, 1)[:, :, None] * np.eye(len(aliases))
        g[z, y] = np.sqrt((np.linalg.inv(gram)[:, 0, 0] * gram[:, 0, 0]).real)
    return g


def _lattice(scan: RawScan) -> np.ndarray:
    """Sampled points (Z, Y) of the whole lattice, also where partial Fourier left it out."""
    headers = scan.kspace.imaging.headers
    headers = headers[(headers["repetition"] == 0) & (headers["flags"] & np.uint64(Flag.CALIBRATION) == 0)]
    r1, r2 = scan.kspace.encoding.acceleration
    kz, ky = (headers[f"kspace_encode_step_{i}"].astype(int) for i in (2, 1))
    shift = next(s for s in range(r2) if ((kz - kz[0] - s * ((ky - ky[0]) // r1)) % r2 == 0).all())
    z, y = np.meshgrid(*(np.arange(n) for n in scan.truth.mask.shape[:2]), indexing="ij")
    on_line = (y - ky[0]) % r1 == 0
    return on_line & ((z - kz[0] - shift * ((y - ky[0]) // r1)) % r2 == 0)
