"""Windows for networks whose gates pool over whole planes."""

import numpy as np
import pytest
import torch

from quietmr.denoise.windows import over_windows, window_of
from quietmr.models import build_architecture

RNG = np.random.default_rng(0)


def running(network):
    def run(channels):
        with torch.inference_mode():
            return network(torch.from_numpy(channels)[None])[0].numpy()

    return run


def test_windows_put_a_plane_together_again():
    planes = RNG.random((2, 3, 150, 91), dtype=np.float32)
    np.testing.assert_allclose(over_windows(lambda x: x[:1], planes, 48, 16), planes[0], atol=1e-6)


@pytest.mark.parametrize("window", [None, 200])
def test_planes_that_fit_are_seen_whole(window):
    shapes = []
    planes = RNG.random((2, 3, 150, 91), dtype=np.float32)
    over_windows(lambda x: shapes.append(x.shape) or x[:1], planes, window, 16)
    assert shapes == [planes.shape]


def test_a_local_network_gives_the_same_in_windows():
    torch.manual_seed(0)
    network = build_architecture("dncnn", width=4, layers=4).eval()
    planes = RNG.random((2, 1, 130, 100), dtype=np.float32)
    whole = running(network)(planes)[0]
    np.testing.assert_allclose(over_windows(running(network), planes, 64, 1), whole, atol=1e-5)


def test_gates_see_no_more_than_in_training():
    torch.manual_seed(0)
    network = build_architecture("denoisenet", width=8, levels=1, head="residual").eval()
    planes = RNG.random((2, 1, 64, 256), dtype=np.float32)
    bright = planes.copy()
    bright[0, :, :, 200:] *= 40
    one, other = (over_windows(running(network), image, 64, 2)[..., :120] for image in (planes, bright))
    np.testing.assert_array_equal(one, other)
    one, other = (running(network)(image)[0, ..., :120] for image in (planes, bright))
    assert np.abs(one - other).max() > 1e-4


def test_which_networks_need_windows():
    recipe = {"patches": [{"shape": [1, 48, 48]}, {"shape": [1, 112, 96]}]}
    assert window_of(build_architecture("denoisenet", width=4, levels=1), recipe) == 96
    assert window_of(build_architecture("dncnn", width=4, layers=3), recipe) is None
    assert window_of(build_architecture("denoisenet", width=4, levels=1), {}) is None
