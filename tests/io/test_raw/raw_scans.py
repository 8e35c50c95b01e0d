"""Raw scans made of random numbers, and what it means that two are equal."""

from typing import Any

import numpy as np

from quietmr.data import READOUT, Encoding, Flag, KSpace, Limits, Readouts, System

SHAPE = (2, 16)


def random_readouts(rng: np.random.Generator, number: int, shape: tuple[int, int] = SHAPE, flag: int = 0) -> Readouts:
    """Readouts with something in every field of their headers, no two alike."""
    floats = rng.standard_normal((number, shape[0], 2 * shape[1])).astype(np.float32)
    headers = np.zeros(number, READOUT)
    for name in READOUT.names or ():
        field = headers[name]
        high = 1000 if field.dtype.kind == "u" else 1
        headers[name] = rng.random(field.shape) * high
    headers["flags"] = np.uint64(flag)
    headers["center_sample"] = shape[1] // 2
    headers["discard_pre"], headers["discard_post"] = 1, 2
    return Readouts(floats.view(np.complex64), headers)


ENCODING = Encoding(
    matrix=(16, 12, 3),
    fov=(420.5, 300.25, 7.1),
    recon_matrix=(8, 11, 2),
    recon_fov=(210.25, 299.0, 6.0),
    lines=Limits(1, 11, 6),
    partitions=Limits(0, 2, 1),
    acceleration=(2, 3),
    calibration="separate",
)
SYSTEM = System(
    coil_labels=("Head:1", "Head:2"),
    bandwidth=0.793,
    vendor="Nobody & Sons",
    model="<Ring>",
    protocol="gre µ",
    measurement_id="17_4",
    field_strength=2.89362,
    noise_measurement="17_3",
)


def random_scan(rng: np.random.Generator, **changes: Any) -> KSpace:
    """A scan with noise, separate calibration, and one line flagged as both."""
    imaging = random_readouts(rng, 9)
    imaging.headers["flags"][3] = Flag.CALIBRATION_AND_IMAGING
    scan = KSpace(
        imaging=imaging,
        encoding=ENCODING,
        calibration=random_readouts(rng, 4, (2, 10), Flag.CALIBRATION),
        noise=random_readouts(rng, 3, (2, 40), Flag.NOISE),
        system=SYSTEM,
    )
    return scan.replace(**changes)


def assert_equal(one: Readouts | None, other: Readouts | None) -> None:
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert np.array_equal(one.data, other.data)
        assert np.array_equal(one.headers, other.headers)
