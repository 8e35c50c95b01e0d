"""Other programs' ways to the same result, for the clock.

`python_tools_grappa` is the algorithm of ismrmrd-python-tools (Hansen), written anew from its description: all windows
of the calibration block as one matrix, its singular values for the regularization, a pseudo-inverse, and one
zero-padded 2-D transform for each pair of coils. Its loops over windows are replaced by a strided view, which is kinder
to it than its own source.
"""

import importlib
import importlib.util
from importlib.metadata import version

import numpy as np

_READOUT, _LINES, _DAMPING = 5, 4, 1e-3


def python_tools_grappa(block: np.ndarray, maps: np.ndarray, r: int) -> tuple[np.ndarray, np.ndarray]:
    """Unmixing coefficients and g.

    Parameters
    ----------
    block : array, shape (C, Ky, Kx)
        Whitened calibration lines.
    maps : array, shape (C, Y, X)
        Coil maps, sum of squares 1.
    r : int
        Acceleration along y.

    Returns
    -------
    unmixing : array, shape (C, Y, X)
    g : array, shape (Y, X)
    """
    n_coils, n_y, n_x = maps.shape
    kernel = _convolution_kernel(block.astype(np.complex128), r)
    unmixing = np.zeros(maps.shape, np.complex128)
    height, width = kernel.shape[2:]
    top, left = n_y // 2 - height // 2, n_x // 2 - width // 2
    for target in range(n_coils):
        padded = np.zeros((n_coils, n_y, n_x), np.complex128)
        padded[:, top : top + height, left : left + width] = kernel[target]
        turned = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(padded, axes=(1, 2)), axes=(1, 2)), axes=(1, 2))
        unmixing += turned * (n_y * n_x) * maps[target].conj()
    unmixing /= r
    return unmixing, np.sqrt(np.square(np.abs(unmixing)).sum(axis=0))


def _convolution_kernel(block: np.ndarray, r: int) -> np.ndarray:
    """Kernel (target, source, lines, readout) that makes all lines, the acquired ones too, from acquired neighbors."""
    n_coils = len(block)
    first = -(_LINES // 2 - 1) * r
    sources = [first + i * r for i in range(_LINES)]
    span = max(sources[-1], r - 1) - first + 1
    windows = np.lib.stride_tricks.sliding_window_view(block, (span, _READOUT), axis=(1, 2))
    known = windows[..., [s - first for s in sources], :]
    a = known.transpose(1, 2, 0, 3, 4).reshape(-1, n_coils * _LINES * _READOUT)
    b = windows[..., -first : -first + r, _READOUT // 2].transpose(1, 2, 0, 3).reshape(len(a), -1)
    damping = (_DAMPING * np.linalg.svd(a, compute_uv=False)[0]) ** 2
    weights = np.linalg.pinv(a.conj().T @ a + damping * np.eye(a.shape[1])) @ (a.conj().T @ b)
    weights = weights.reshape(n_coils, _LINES, _READOUT, n_coils, r)
    half = max(abs(s - t) for s in sources for t in range(r))
    kernel = np.zeros((n_coils, n_coils, 2 * half + 1, _READOUT), np.complex128)
    for i, source in enumerate(sources):
        for target in range(r):
            # a neighbor at distance d adds a phase: convolution turns distances round
            kernel[:, :, half + target - source] = weights[:, i, ::-1, :, target].transpose(2, 0, 1)
    return kernel


def sigpy_version() -> str | None:
    """Version of sigpy, None where it is not installed."""
    return version("sigpy") if importlib.util.find_spec("sigpy") else None


def sigpy_sense_frame(lines: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """One frame by sigpy's conjugate gradients, from whitened, zero-filled lines (C, Y, X) and coil maps."""
    app = importlib.import_module("sigpy.mri.app")
    result: np.ndarray = app.SenseRecon(lines, maps, lamda=1e-3, max_iter=30, show_pbar=False).run()
    return result
