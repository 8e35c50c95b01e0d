"""Twelve ways to get SNR units wrong (recon.md section 3): each is injected, and the criteria must reject it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from quietmr.data import Image, Readouts
from quietmr.recon import frames, reconstruct, slice_setup, whitening
from quietmr.recon import scan as scan_module
from quietmr.recon.snr_units import Scale

from .scans import expected_signal, repeated_scan
from .verdict import judge

Fault = Callable[[pytest.MonkeyPatch], None]


def _whitening(change: Callable[[whitening.Whitening], np.ndarray]) -> Fault:
    def inject(patch: pytest.MonkeyPatch) -> None:
        right = scan_module.whitening

        def wrong(*arguments: object) -> whitening.Whitening:
            white = right(*arguments)
            return replace(white, matrix=change(white))

        patch.setattr(scan_module, "whitening", wrong)

    return inject


def _covariance(change: Callable[[np.ndarray], np.ndarray]) -> Fault:
    def inject(patch: pytest.MonkeyPatch) -> None:
        right = scan_module.scan_noise

        def wrong(*arguments: object, **options: object) -> object:
            noise = right(*arguments, **options)
            return replace(noise, matrix=change(noise.matrix))

        patch.setattr(scan_module, "scan_noise", wrong)

    return inject


def _scale(change: Callable[[Scale, int], float]) -> Fault:
    def inject(patch: pytest.MonkeyPatch) -> None:
        from quietmr.recon import frame_plan

        right = frame_plan.unit_noise_scale

        def wrong(lines: np.ndarray, averages: np.ndarray, samples: np.ndarray, n_full: int, r: int) -> Scale:
            scale = right(lines, averages, samples, n_full, r)
            return replace(scale, factor=scale.factor * change(scale, n_full))

        patch.setattr(frame_plan, "unit_noise_scale", wrong)

    return inject


def _gmap(change: Callable[[torch.Tensor], torch.Tensor]) -> Fault:
    def inject(patch: pytest.MonkeyPatch) -> None:
        right = slice_setup.gfactor
        patch.setattr(slice_setup, "gfactor", lambda coefficients: change(right(coefficients)))

    return inject


def _normalized_frames(patch: pytest.MonkeyPatch) -> None:
    right = frames.FrameMaker.__call__

    def wrong(self: frames.FrameMaker, chosen: np.ndarray) -> tuple[np.ndarray, Scale]:
        picture, scale = right(self, chosen)
        return picture / np.abs(picture).max() * 100, scale

    patch.setattr(frames.FrameMaker, "__call__", wrong)


def _calibration_left_in(patch: pytest.MonkeyPatch) -> None:
    from quietmr.recon import chain

    patch.setattr(chain, "on_lattice", lambda placed, chosen, lattice: chosen)


def _dwell(white: whitening.Whitening) -> float:
    return float(white.facts["dwell_ratio"])


FAULTS: dict[str, Fault] = {
    "no dwell and bandwidth factor": _whitening(lambda w: w.matrix / np.sqrt(_dwell(w) * w.facts["bandwidth"])),
    "dwell ratio inverted": _whitening(lambda w: w.matrix / _dwell(w)),
    "no square root of 2": _whitening(lambda w: w.matrix / np.sqrt(2)),
    "covariance conjugated": _covariance(np.conj),
    "no decorrelation": _covariance(lambda psi: np.diag(psi.diagonal())),
    "numpy's default inverse FFT": _scale(lambda scale, n: 1 / np.sqrt(n)),
    "no square root of R_eff": _scale(lambda scale, n: 1 / np.sqrt(scale.r_eff)),
    "g is the sum of squares": _gmap(torch.square),
    "g includes the square root of R": _gmap(lambda g: g * np.sqrt(3)),
    "every frame normalized": _normalized_frames,
    "calibration lines left in the data": _calibration_left_in,
}


def _verdict() -> list[str]:
    scan = _scan()
    # calibration lines among the imaging lines and without their flags, as some converters write them
    imaging, extra = scan.kspace.imaging, scan.kspace.calibration
    headers = np.concatenate([imaging.headers, extra.headers])
    headers["flags"] = 0
    mixed = Readouts(np.concatenate([imaging.data, extra.data]), headers)
    image = reconstruct(scan.kspace.replace(imaging=mixed, calibration=None))
    return judge(image, scan, signal_scale=expected_signal(scan)).faults


def _scan() -> object:
    # strongly correlated coils, as in a real array: without correlation some faults are none
    return repeated_scan(correlation=0.6)


def test_the_right_chain_passes() -> None:
    assert _verdict() == []


@pytest.mark.parametrize("inject", FAULTS.values(), ids=FAULTS)
@pytest.mark.filterwarnings("ignore:The edges of k-space")
def test_fault_is_rejected(inject: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    inject(monkeypatch)
    assert _verdict() != []


def test_resizing_without_scaling_is_rejected() -> None:
    """The twelfth: a fine image made by zero-filling with the orthonormal transform alone."""
    scan = _scan()
    right = reconstruct(scan.kspace)

    def resized(image: Image, factor: float) -> list[str]:
        from quietmr.signal.fourier import to_image, to_kspace

        fine = np.zeros((*image.shape[:2], 128, 128), np.complex64)
        fine[..., 16:112, 16:112] = to_kspace(image.data, (2, 3))
        coarse = to_kspace(to_image(fine, (2, 3)) * np.float32(factor), (2, 3))[..., 16:112, 16:112]
        back = to_image(coarse * np.float32(96 / 128), (2, 3))
        return judge(image.replace(data=back), scan, signal_scale=expected_signal(scan)).faults

    assert resized(right, 128 / 96) == []
    assert resized(right, 1.0) != []
