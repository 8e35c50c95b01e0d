"""g-factor maps of accelerations that were not measured: what training needs to see noise as scanners make it.

Each map follows from the calibration block alone, so one fully sampled center gives the maps of all accelerations. Xue
et al. (SNRAware) call this g-factor augmentation.
"""

from collections.abc import Callable, Sequence

import numpy as np

from quietmr.data import Image, KSpace, Step
from quietmr.recon.chain import wanted_slices
from quietmr.recon.grappa import Kernel, meets_center
from quietmr.recon.grid import slice_geometry
from quietmr.recon.lattice import Lattice
from quietmr.recon.scan import prepare_scan
from quietmr.recon.settings import Settings
from quietmr.recon.slice_setup import Calibrated, calibrate_slice, unmix_slice
from quietmr.recon.unmixing import gfactor


def usual_lattices(*, three_d: bool) -> tuple[Lattice, ...]:
    """Lattices for augmentation: R = 2 to 8 along the lines; in 3-D also 2x2, plain and with CAIPIRINHA shift."""
    lines = tuple(Lattice(r) for r in range(2, 9))
    return (*lines, Lattice(2, 2), Lattice(2, 2, 1)) if three_d else lines


def gfactor_maps(
    kspace: KSpace,
    settings: Settings | None = None,
    lattices: Sequence[Lattice] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Image:
    """Compute the g-factor maps that other accelerations of the same scan would have.

    Parameters
    ----------
    kspace : KSpace
        Scan with noise readouts and calibration lines (or fully sampled).
    settings : Settings, optional
        As for `reconstruct`: the maps belong to the kernel, the regularization and the coil compression.
    lattices : sequence of Lattice, optional
        `usual_lattices` if left out; of these, the ones that the calibration block is too small for are left out.
    progress : callable, optional
        Told the part that is done, 0 to 1.

    Returns
    -------
    Image
        g (T, Z, Y, X), real, T over lattices; their names are in ``history[-1].parameters["lattices"]``. Above R of
        about 5 in one direction g saturates through the regularization while aliases remain: realistic noise, but not
        the g of a usable image.

    Raises
    ------
    InputError
        If the scan cannot be used (`reconstruct`), or the calibration block is too small for a lattice that was asked
        for, or for all usual ones.
    """
    settings = settings or Settings()
    scan = prepare_scan(kspace, settings)
    numbers = wanted_slices(kspace, settings.slices)
    tried = lattices or usual_lattices(three_d=scan.grid.kspace[0] > 1)
    maps: dict[Lattice, list[np.ndarray]] = {lattice: [] for lattice in tried}
    for i, number in enumerate(numbers):
        calibrated = calibrate_slice(scan, number)
        for j, lattice in enumerate(list(maps)):
            if progress is not None:
                progress((i + j / len(maps)) / len(numbers))
            if lattices is None and len(maps) > 1 and not _suffices(calibrated, lattice):
                del maps[lattice]
                continue
            coefficients, _ = unmix_slice(scan, calibrated, lattice)
            maps[lattice].append(scan.grid.crop(gfactor(coefficients).cpu().numpy()))
    headers = np.array([scan.imaging.readouts.headers[scan.imaging.of_slice(number)[0]] for number in numbers])
    step = Step("g-factor maps", {"lattices": [str(lattice) for lattice in maps], "lambda": settings.regularization})
    return Image(
        np.stack([np.concatenate(parts) for parts in maps.values()]),
        slice_geometry(scan.grid, headers),
        unit="snr",
        history=(*kspace.history, step),
    )


def _suffices(calibrated: Calibrated, lattice: Lattice) -> bool:
    """Whether the calibration block is large enough for the smallest kernel."""
    block = calibrated.block
    return meets_center(block.data, block.center[:2], lattice, Kernel(lines=2, partitions=2))
