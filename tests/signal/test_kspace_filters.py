"""Windows of k-space: textbook values, and refusals."""

import numpy as np
import pytest

from quietmr.data import InputError
from quietmr.signal import kspace_filters as kf


@pytest.mark.parametrize("n", [16, 17])
@pytest.mark.parametrize("name", ["none", "gaussian:1.5", "hann", "hamming", "tukey:0.3", "tukey:0", "gaussian:0"])
def test_windows_are_one_at_the_center_and_symmetric(name, n):
    window = kf.filter_by_name(name)(n)
    assert window.shape == (n,)
    assert window[n // 2] == 1
    assert window.max() == 1 and window.min() >= 0
    reach = (n - 1) // 2
    left, right = window[n // 2 - reach : n // 2], window[n // 2 + 1 : n // 2 + 1 + reach]
    np.testing.assert_allclose(left, right[::-1], atol=1e-15)


def test_gaussian_follows_gadgetron():
    np.testing.assert_allclose(kf.gaussian(5, 2.0), np.exp(-0.5 * (2.0 * np.array([-1, -0.5, 0, 0.5, 1])) ** 2))


def test_the_windows_have_their_textbook_edges():
    assert kf.hann(9)[0] == pytest.approx(0)
    assert kf.hamming(9)[0] == pytest.approx(0.08)
    np.testing.assert_allclose(kf.tukey(9, 1.0), kf.hann(9))
    np.testing.assert_allclose(kf.tukey(17, 0.5)[4:13], 1)


@pytest.mark.parametrize(
    "name", ["", "gauss", "gaussian", "gaussian:", "gaussian:x", "gaussian:-1", "hann:2", "tukey:1.1"]
)
def test_unknown_filters_are_refused_with_the_choice(name):
    with pytest.raises(InputError, match=r"gaussian:SIGMA.*tukey:WIDTH"):
        kf.filter_by_name(name)
