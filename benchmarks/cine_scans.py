"""Simulated real-time scans of a chest, reconstructed: noise-free, noisy, and new noise as often as wanted.

Scans are in free breathing, the heart beats as it likes; or contrast agent passes, one image in each heartbeat. The
SNR is set by the blood of the left ventricle. What was made is kept below runs/bench/cine, under a name that holds a
hash of all that it depends on.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import asdict, astuple, dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from quietmr.data import KSpace, QuietmrWarning, Readouts
from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.phantoms.raw.canvas import Tissue
from quietmr.recon import Settings, reconstruct
from quietmr.recon.frames import FrameMaker
from quietmr.recon.scan import prepare_scan
from quietmr.recon.slice_setup import on_lattice, prepare_slice
from quietmr.signal.fourier import to_image

Complex = NDArray[np.complex64]
Mask = NDArray[np.bool_]

STORE = Path("runs/bench/cine")
SEED = 20261128
# Around the heart, in pixels, of what is scored, and of what replicas are denoised in: in the heart, results of 16 and
# of 32 differ by 0.002 (network) to 0.04 (with further passes) noise SDs.
MARGIN, REPLICA_MARGIN = 32, 16
_SETTINGS = Settings(threads=1)
_FREE = {
    "matrix": (192, 144, 1),
    "acceleration": (5, 1),
    "calibration": "separate",
    "calibration_lines": (32, 1),
    "frames": 32,
    "timing": "real-time",
    "frame_ms": 60.0,
    "heart_rate": 70.0,
    "breathing_mm": 12.0,
    "inflow": 0.2,
}
_BOLUS = _FREE | {"timing": "first-pass", "acceleration": (4, 1), "breathing_mm": 3.0, "heart_rate": 66.0}
CASES: dict[str, RawProtocol] = {
    "cine, 16 coils": RawProtocol(**_FREE, coils=16, snr=84.4),
    "cine, 32 coils": RawProtocol(**_FREE, coils=32, snr=83.2),
    "first pass, 16 coils": RawProtocol(**_BOLUS, coils=16, snr=36.7),
}


@dataclass(frozen=True, eq=False)
class Scan:
    """A reconstructed scan.

    Attributes
    ----------
    name : str
    clean, noisy : array, shape (T, Y, X), complex64
        In SNR units: noise SD g per real channel.
    g : array, shape (Y, X)
    labels : array, shape (T, Y, X), uint8
        See `Tissue`.
    body : array, shape (Y, X), bool
    """

    name: str
    clean: Complex
    noisy: Complex
    g: NDArray[np.float32]
    labels: NDArray[np.uint8]
    body: Mask

    @cached_property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the heart with `MARGIN` around; it begins at multiples of 8, where networks halve."""
        return self.around(MARGIN)

    def around(self, margin: int) -> tuple[slice, slice]:
        """Rows and columns of the heart with a margin."""
        heart = (self.labels > 0).any(axis=0)
        rows, columns = (_around(np.flatnonzero(heart.any(axis=axis)), margin) for axis in (1, 0))
        return rows, columns

    @cached_property
    def tissues(self) -> dict[str, Mask]:
        """Blood of the left ventricle and myocardium, a pixel away from their borders; (T, Y, X).

        Where contrast agent passes, of the frames in which the tissue has at least 60 % of its greatest brightness.
        """
        found = {}
        for name, label in (("blood", Tissue.LEFT_BLOOD), ("myocardium", Tissue.MYOCARDIUM)):
            mask = self.eroded(label)
            course = np.array([np.median(np.abs(f[m])) for f, m in zip(self.clean, mask, strict=True)])
            mask[course < 0.6 * course.max()] = False
            found[name] = mask
        return found

    def eroded(self, tissue: Tissue) -> Mask:
        """A tissue without the pixels at its border, (T, Y, X)."""
        return np.stack([binary_erosion(frame == tissue) for frame in self.labels])

    @property
    def bright_frames(self) -> Mask:
        """Frames in which blood is bright: all, unless contrast agent passes; (T,)."""
        return self.tissues["blood"].any(axis=(1, 2))

    @property
    def reference(self) -> float:
        """Data range of PSNR: 99.9th percentile of the noise-free magnitude in the body."""
        return float(np.percentile(np.abs(self.clean[:, self.body]), 99.9))


@dataclass(frozen=True, eq=False)
class Replicas:
    """Image noise of new measurements in the window around the heart.

    All that follows the receiver is linear with fixed weights, and after the transform along the readout each column
    of the image depends on its own samples alone: column = A n, n the noise of all coils and lines there. A is found by
    sending single samples through the reconstruction. A Gaussian vector with the covariance of A n is L z, with L from
    a QR decomposition and z white: the same replicas as from whole k-spaces of noise, for a fraction of the time.

    Attributes
    ----------
    factors : array, shape (X, Y, M), complex64
        L for each column of the window; M is the rank.
    frames : int
    """

    factors: Complex
    frames: int

    def __call__(self, number: int) -> Complex:
        """Noise of replica ``number``, (T, Y, X)."""
        rng = np.random.default_rng([SEED, number])
        shape = (self.factors.shape[0], self.factors.shape[2], self.frames, 2)
        white = rng.standard_normal(shape, dtype=np.float32).view(np.complex64)[..., 0]
        return np.ascontiguousarray((self.factors @ white).transpose(2, 1, 0))


class Chain:
    """The reconstruction of a scan with its weights held fixed: from samples of one frame to its picture."""

    def __init__(self, kspace: KSpace) -> None:
        self._scan = prepare_scan(kspace, _SETTINGS)
        self._setup = prepare_slice(self._scan, 0)
        make = self._setup.make
        assert isinstance(make, FrameMaker)
        self._make = make
        self.lines = on_lattice(self._scan.imaging, self._scan.readouts_of(0, 0), self._setup.lattice)

    def picture(self, samples: Complex) -> Complex:
        """Picture (Y, X) of the readouts of the first frame, shape (L, C, samples)."""
        imaging = self._scan.imaging
        data = np.zeros((len(self.lines), *imaging.readouts.data.shape[1:]), np.complex64)
        data[:] = samples
        readouts = Readouts(data, imaging.readouts.headers[self.lines])
        placed = replace(imaging, readouts=readouts, points=imaging.points[self.lines])
        maker = replace(self._make, planner=replace(self._make.planner, placed=placed))
        return maker(np.arange(len(self.lines)))[0][0]

    def matrices(self, columns: slice) -> Complex:
        """A of each column, shape (X, Y, L C): the pictures of single samples at kx = 0, which are flat along x."""
        (lines, coils, count), center = self._shape, self._scan.imaging.center
        pictures = []
        for line, coil in product(range(lines), range(coils)):
            samples = np.zeros((lines, coils, count), np.complex64)
            samples[line, coil, center] = np.sqrt(count)
            pictures.append(self.picture(samples)[:, columns])
        return np.stack(pictures).transpose(2, 1, 0)

    def columns_of(self, samples: Complex, columns: slice) -> Complex:
        """Noise n of each column, shape (X, L C), of the readouts of the first frame: what A expects."""
        _, _, count = self._shape
        along = to_image(samples, (2,))
        width = self._scan.grid.kept[2]
        start = count // 2 - width // 2
        inside = along[..., start : start + width][..., columns]
        return np.ascontiguousarray(inside.reshape(-1, inside.shape[-1]).T)

    @property
    def _shape(self) -> tuple[int, int, int]:
        return (len(self.lines), *self._scan.imaging.readouts.data.shape[1:])


@dataclass(frozen=True)
class Proof:
    """Largest errors of the two shortcuts, in noise SDs.

    ``sum``: noise-free image + image of noise, against the reconstruction of noisy samples. ``columns``: A n against
    the picture of a frame of noise. ``spread``: of the SD of L z over g, less 1.
    """

    sum: float
    columns: float
    spread: float


def measure(protocol: RawProtocol) -> tuple[Scan, Replicas, Proof]:
    """Simulate, reconstruct, and find the noise of replicas.

    Calibration lines and noise scan are noisy, and the same for all replicas.
    """
    noisy = simulate_raw(protocol, np.random.default_rng(SEED))
    still = simulate_raw(protocol, np.random.default_rng(SEED), noise=False)
    truth, headers = noisy.truth, noisy.kspace.imaging.headers
    kspace = noisy.kspace.replace(imaging=still.kspace.imaging)
    with warnings.catch_warnings():
        # samples without noise look wrong, rightly
        warnings.filterwarnings("ignore", "The edges of k-space", QuietmrWarning)
        image, chain = reconstruct(kspace, _SETTINGS), Chain(kspace)
    whole = reconstruct(noisy.kspace, _SETTINGS)
    assert image.noise is not None
    scan = Scan("", image.data[:, 0], whole.data[:, 0], image.noise.sigma[0, 0], truth.labels[:, 0], truth.mask[0])
    rows, columns = scan.window
    matrices = chain.matrices(columns)
    noise = (noisy.kspace.imaging.data - still.kspace.imaging.data)[chain.lines]
    picture, g = chain.picture(noise), scan.g
    straight = np.einsum("xyn,xn->yx", matrices, chain.columns_of(noise, columns))
    color = np.linalg.cholesky(truth.covariance).astype(np.complex64)
    coils = len(color)
    colored = (matrices.reshape(-1, coils) @ color).reshape(matrices.shape)[:, rows]
    triangle = np.linalg.qr(colored.conj().transpose(0, 2, 1), mode="r")
    factors = (triangle.conj().transpose(0, 2, 1) * np.float32(np.sqrt(0.5))).astype(np.complex64)
    spread = np.sqrt(np.square(np.abs(factors)).sum(axis=2)).T / g[scan.window]
    proof = Proof(
        float(np.max(np.abs(scan.clean[0] + picture - scan.noisy[0]) / g)),
        float(np.max(np.abs(straight - picture[:, columns]) / g[:, columns])),
        float(np.max(np.abs(spread - 1))),
    )
    assert len(headers) == protocol.frames * len(chain.lines)
    return scan, Replicas(factors, protocol.frames), proof


def load(name: str, store: Path = STORE) -> tuple[Scan, Replicas, Proof]:
    """Scan of a case, its replicas and their proof; made once."""
    path = store / f"{_key(name)}.npz"
    if not path.exists():
        store.mkdir(parents=True, exist_ok=True)
        scan, replicas, proof = measure(CASES[name])
        fields = {key: value for key, value in vars(scan).items() if isinstance(value, np.ndarray)}
        np.savez(path, factors=replicas.factors, proof=np.array(astuple(proof)), **fields)
    with np.load(path) as file:
        scan = Scan(name, *(file[key] for key in ("clean", "noisy", "g", "labels", "body")))
        return scan, Replicas(file["factors"], len(scan.clean)), Proof(*map(float, file["proof"]))


def _around(places: NDArray[np.int64], margin: int) -> slice:
    return slice(max(0, int(places[0]) - margin) // 8 * 8, int(places[-1]) + margin + 1)


def _key(name: str) -> str:
    made = hashlib.sha256(repr((asdict(CASES[name]), SEED, MARGIN)).encode()).hexdigest()[:10]
    return f"{name.replace(', ', '-').replace(' ', '-')}-{made}"
