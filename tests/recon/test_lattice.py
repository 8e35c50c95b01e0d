"""Finding the sampling lattice from the acquired points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quietmr.data import InputError
from quietmr.recon.lattice import Lattice, central_block, find_lattice


def _points(lattice: Lattice, shape: tuple[int, int], offset: tuple[int, int]) -> np.ndarray:
    z, y = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    row = (y - offset[1]) // lattice.r1
    return ((y - offset[1]) % lattice.r1 == 0) & ((z - offset[0] - lattice.shift * row) % lattice.r2 == 0)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_lattice_is_found_whatever_the_header_says(data: st.DataObject) -> None:
    r1, r2 = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 3))
    lattice = Lattice(r1, r2, data.draw(st.integers(0, r2 - 1)))
    shape = (data.draw(st.integers(24, 30)) if r2 > 1 else 1, data.draw(st.integers(60, 80)))
    covered = _points(lattice, shape, (data.draw(st.integers(0, r2 - 1)), data.draw(st.integers(0, r1 - 1))))
    calibration = np.zeros(shape, bool)
    if data.draw(st.booleans()):
        calibration[:, shape[1] // 2 - 10 : shape[1] // 2 + 10] = True
        covered |= calibration
    said = (data.draw(st.integers(1, 8)), data.draw(st.integers(1, 3)))
    found = find_lattice(covered, calibration, said)
    # a lattice that fits what the header says may be a finer description of the same points only where it is the same
    assert found is not None
    assert found[0].acceleration == lattice.acceleration
    assert found[1] == 0
    if r2 == 1:
        assert found[0] == lattice


def test_random_sampling_has_no_lattice(rng: np.random.Generator) -> None:
    covered = rng.random((40, 60)) < 0.2
    calibration = np.zeros_like(covered)
    calibration[10:30, 20:40] = True
    assert find_lattice(covered | calibration, calibration, (1, 1)) is None


def test_lost_lines_are_counted_and_do_not_make_a_lattice_irregular() -> None:
    covered = _points(Lattice(3), (1, 128), (0, 1))
    calibration = np.zeros_like(covered)
    calibration[:, 52:76] = True
    covered[0, 13] = False
    covered[0, 100] = False
    assert find_lattice(covered | calibration, calibration, (1, 1)) == (Lattice(3), 2)
    # a lost line at the end is no hole, and half of the lines are more than were lost
    covered[0, 1] = False
    assert find_lattice(covered | calibration, calibration, (1, 1)) == (Lattice(3), 2)
    covered[0, 14:52] = False
    assert find_lattice(covered | calibration, calibration, (1, 1)) is None


def test_elliptical_shutter_is_a_lattice_still() -> None:
    covered = _points(Lattice(2, 2, 1), (40, 60), (0, 0))
    z, y = np.meshgrid(np.arange(40) - 20, np.arange(60) - 30, indexing="ij")
    covered &= (z / 20) ** 2 + (y / 30) ** 2 < 1
    assert find_lattice(covered, np.zeros_like(covered), (2, 2)) == (Lattice(2, 2, 1), 0)


def test_central_block_is_the_full_center() -> None:
    covered = _points(Lattice(3), (1, 96), (0, 1))
    covered[:, 36:60] = True
    z, y = central_block(covered)
    assert (z.start, z.stop) == (0, 1)
    # lattice lines touching the block belong to it
    assert covered[:, y].all()
    assert y.start <= 36
    assert y.stop >= 60
    assert not covered[0, y.start - 1]
    assert not covered[0, y.stop]


def test_no_central_block_without_center() -> None:
    covered = np.ones((1, 20), bool)
    covered[0, 10] = False
    z, y = central_block(covered)
    assert y.stop - y.start == 0
    assert z.stop - z.start == 0


@pytest.mark.parametrize("wrong", [(0, 1, 0), (2, 0, 0), (2, 2, 2), (2, 2, -1)])
def test_impossible_lattices_are_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="lattice"):
        Lattice(*wrong)
