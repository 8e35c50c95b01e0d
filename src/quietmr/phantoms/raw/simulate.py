"""A simulated raw scan: object, coils, k-space, receiver, headers, and the truth behind it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quietmr.data import READOUT, Encoding, Flag, KSpace, Limits, Meta, Readouts, Step, System
from quietmr.phantoms.raw.bodies import draw_body
from quietmr.phantoms.raw.coil_ring import Loop, place_loops, sensitivity
from quietmr.phantoms.raw.encode import encode, image_of
from quietmr.phantoms.raw.grid import Grid, lay_grid
from quietmr.phantoms.raw.headers import (
    Headers,
    imaging_headers,
    left_out,
    noise_headers,
    number,
    separate_headers,
)
from quietmr.phantoms.raw.lattice import measured_part
from quietmr.phantoms.raw.protocol import RawProtocol
from quietmr.phantoms.raw.receiver import Receiver, build_receiver, draw_noise
from quietmr.phantoms.raw.timing import moments
from quietmr.phantoms.raw.truth import RawTruth, sense_g

# Tissue is where the object is brighter than this part of its brightest place.
_TISSUE = 0.12
_FIELD_STRENGTH = 1.5


@dataclass(frozen=True, eq=False)
class RawScan:
    """A simulated raw scan and the truth behind it."""

    kspace: KSpace
    truth: RawTruth


def simulate_raw(
    protocol: RawProtocol,
    rng: np.random.Generator,
    *,
    noise: bool = True,
    progress: Callable[[float], None] | None = None,
) -> RawScan:
    """Scan a phantom.

    The object is drawn on a grid twice as fine as the encoded one and cut to the encoded part of k-space, so images
    show the truncation that real ones show. Signal and noise pass the same gains and cable phases; the noise of every
    readout is colored by the receiver filter over the digitized band.

    Parameters
    ----------
    protocol : RawProtocol
    rng : Generator
        The same state gives the same scan, and the same object and coils with and without noise.
    noise : bool
        False leaves the noise out of imaging and calibration readouts; the noise scan is measured all the same.
    progress : function, optional
        Told the done part, 0 to 1.

    Returns
    -------
    RawScan

    Raises
    ------
    InputError
        If the protocol cannot be scanned (see `RawProtocol`).
    """
    tell = progress or (lambda done: None)
    grid = lay_grid(protocol)
    body = draw_body(protocol, grid, rng)
    scenes = [body(moment) for moment in moments(protocol)]
    objects = [scene.brightness for scene in scenes]
    loops = place_loops(protocol.coils, grid, rng)
    fields = np.stack([sensitivity(loop, *grid.encoded()) for loop in loops])
    mask = _tissue(objects[0], grid, protocol)
    receiver = build_receiver(_overlap(fields, mask), protocol, rng)
    labels = np.stack([grid.at_encoded(scene.labels) for scene in scenes])
    truth = _truth_without_image(protocol, fields, mask, receiver, labels)
    headers = [separate_headers(protocol)] if protocol.calibration == "separate" else []
    headers.append(imaging_headers(protocol))
    parts, image = _measure(protocol, (grid, objects, loops), receiver, truth, headers, tell)
    scale = np.float32(protocol.snr / float(np.median(np.abs(image[:, mask]))))
    for part in parts:
        part *= scale
        if noise:
            _add_noise(part, protocol, receiver, rng)
    tell(1.0)
    kspace = _assemble(protocol, headers, parts, _noise_scan(protocol, receiver, rng))
    return RawScan(kspace, replace(truth, image=image * scale))


def _tissue(still: NDArray[np.complex64], grid: Grid, protocol: RawProtocol) -> NDArray[np.bool_]:
    """Voxels of the encoded grid with tissue in them, at rest."""
    seen = np.abs(image_of(encode(still, grid, protocol.oversampling), grid))
    return np.asarray(seen > _TISSUE * np.percentile(seen, 99.5))


def _overlap(fields: NDArray[np.complex64], mask: NDArray[np.bool_]) -> NDArray[np.complex128]:
    """Gram matrix of the coils over the tissue, diagonal 1."""
    inside = fields[:, mask].astype(np.complex128)
    gram = inside @ inside.conj().T
    level = np.sqrt(np.diag(gram).real)
    return np.asarray(gram / np.outer(level, level))


def _truth_without_image(
    protocol: RawProtocol,
    fields: NDArray[np.complex64],
    mask: NDArray[np.bool_],
    receiver: Receiver,
    labels: NDArray[np.uint8],
) -> RawTruth:
    whitened = np.tensordot(receiver.whitener * receiver.gain, fields, axes=1)
    maps = (whitened / np.sqrt(np.square(np.abs(whitened)).sum(axis=0))).astype(np.complex64)
    nothing = np.zeros((protocol.frames, *mask.shape), np.complex64)
    return RawTruth(nothing, maps, receiver.covariance, receiver.whitener, sense_g(maps, protocol), mask, labels)


def _measure(
    protocol: RawProtocol,
    scene: tuple[Grid, list[NDArray[np.complex64]], list[Loop]],
    receiver: Receiver,
    truth: RawTruth,
    headers: list[Headers],
    tell: Callable[[float], None],
) -> tuple[list[NDArray[np.complex64]], NDArray[np.complex64]]:
    """Noise-free readouts for each part of the scan, and the whitened, combined image; both without scale."""
    grid, objects, loops = scene
    missing = left_out(protocol)
    samples = protocol.matrix[0] * protocol.oversampling - missing
    parts = [np.empty((len(part), protocol.coils, samples), np.complex64) for part in headers]
    image = np.zeros(truth.image.shape, np.complex64)
    weights = np.tensordot(receiver.whitener.T, truth.coil_maps.conj(), axes=1).astype(np.complex64)
    for coil, loop in enumerate(loops):
        tell(0.2 + 0.7 * coil / len(loops))
        field = sensitivity(loop, grid.z, grid.y, grid.x) * np.complex64(receiver.gain[coil])
        for frame, still in enumerate(objects):
            kspace = encode(still * field, grid, protocol.oversampling)
            image[frame] += weights[coil] * image_of(kspace, grid)
            for part, table in zip(parts, headers, strict=True):
                chosen = np.flatnonzero(table["phase"] == frame)
                at = table["kspace_encode_step_2" if grid.is_3d else "slice"][chosen]
                part[chosen, coil] = kspace[at, table["kspace_encode_step_1"][chosen], missing:]
    return parts, image


def _add_noise(
    part: NDArray[np.complex64], protocol: RawProtocol, receiver: Receiver, rng: np.random.Generator
) -> None:
    """Add colored, correlated noise to readouts in place, batch by batch."""
    full = protocol.matrix[0] * protocol.oversampling
    for start in range(0, len(part), 256):
        batch = part[start : start + 256]
        noise = draw_noise(len(batch), full, receiver.covariance, protocol.receiver_bandwidth, rng)
        batch += noise[..., full - batch.shape[-1] :]


def _noise_scan(protocol: RawProtocol, receiver: Receiver, rng: np.random.Generator) -> Readouts | None:
    """Noise readouts: variance in proportion to the bandwidth, that is to 1 / dwell."""
    if protocol.noise_readouts == 0:
        return None
    covariance = receiver.covariance * (protocol.dwell_us / protocol.noise_dwell_us)
    samples = protocol.matrix[0] * protocol.oversampling
    data = draw_noise(protocol.noise_readouts, samples, covariance, protocol.receiver_bandwidth, rng)
    headers = noise_headers(protocol)
    return Readouts(data, headers)


def _assemble(
    protocol: RawProtocol, headers: list[Headers], parts: list[NDArray[np.complex64]], noise: Readouts | None
) -> KSpace:
    before = [noise.headers] if noise is not None else []
    number([*before, *headers])
    table, data = headers[-1], parts[-1]
    only = table["flags"] & np.uint64(Flag.CALIBRATION) != 0
    calibration = None
    if protocol.calibration == "separate":
        calibration = Readouts(parts[0], headers[0])
    elif only.any():
        calibration = Readouts(data[only], table[only])
        data, table = data[~only], table[~only]
    return KSpace(
        imaging=Readouts(data, table.astype(READOUT, copy=False)),
        encoding=_encoding(protocol),
        calibration=calibration,
        noise=noise,
        system=_system(protocol),
        meta=Meta(format="simulated"),
        history=(Step("simulate raw", asdict(protocol)),),
    )


def _encoding(protocol: RawProtocol) -> Encoding:
    (x, y, z), fov = protocol.matrix, protocol.field_of_view
    partitions, lines = np.nonzero(measured_part(protocol))
    return Encoding(
        matrix=(x * protocol.oversampling, y, z),
        fov=(fov[0] * protocol.oversampling, fov[1], fov[2]),
        recon_matrix=protocol.image_matrix,
        recon_fov=fov,
        lines=Limits(int(lines.min()), int(lines.max()), y // 2),
        partitions=Limits(int(partitions.min()), int(partitions.max()), z // 2),
        acceleration=protocol.acceleration,
        calibration=protocol.calibration,
    )


def _system(protocol: RawProtocol) -> System:
    return System(
        coil_labels=tuple(f"Ring_{coil + 1:02d}" for coil in range(protocol.coils)),
        bandwidth=protocol.receiver_bandwidth,
        vendor="quietmr",
        model=f"simulated {protocol.subject}",
        protocol=f"{protocol.subject}_r{protocol.acceleration[0]}x{protocol.acceleration[1]}",
        measurement_id="quietmr_simulated_4711",
        field_strength=_FIELD_STRENGTH,
    )
