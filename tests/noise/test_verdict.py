"""Which reading is believed."""

import numpy as np
import pytest

from quietmr.noise.background import AirLevel
from quietmr.noise.residual import TissueLevel
from quietmr.noise.verdict import weigh

AIR = AirLevel(10.0, 0.01, np.ones(4, bool))


def tissue(sigma: float, growth: float = 1.0, color: float = 1.0) -> TissueLevel:
    return TissueLevel(sigma, 0.03, growth, color)


def test_readings_that_agree_are_averaged_by_their_errors():
    verdict = weigh(tissue(10.6), None, AIR, None)
    assert 10 < verdict.sigma < 10.1
    assert verdict.disagreement == ""


@pytest.mark.parametrize(
    ("reading", "believed"),
    [
        (tissue(15.0), 15.0),  # pure and white: noise differs in air, as under parallel imaging
        (tissue(15.0, growth=1.5), 10.0),  # anatomy in it
        (tissue(6.0, color=2.0), 10.0),  # smooth noise, too little of it in the top band
        (tissue(6.0), 6.0),  # air is too high: several channels, ghosts
        (tissue(14.0, color=2.0), 10.0),  # the undoing of a filter is worth less than air
    ],
)
def test_air_against_tissue(reading, believed):
    assert weigh(reading, None, AIR, None).sigma == believed


def test_strong_disagreement_is_told_and_uncertain():
    verdict = weigh(tissue(30.0), None, AIR, None)
    assert "3.00 times" in verdict.disagreement
    assert verdict.uncertainty >= 0.3


def test_frames_are_believed_where_they_see_through_anatomy():
    assert weigh(tissue(30.0, growth=1.4), tissue(10.0), None, None).sigma == 10
    assert weigh(tissue(10.0), tissue(25.0, growth=1.4), None, None).sigma == 10


def test_pedestal_counts_only_where_anatomy_hides_the_noise():
    pedestal = TissueLevel(5.0, 0.3, 1.0, 1.0)
    assert weigh(tissue(30.0, growth=1.5), None, None, pedestal).sigma == 5
    assert weigh(tissue(30.0), None, None, pedestal).sigma == 30
    assert weigh(tissue(0.0), None, None, pedestal).sigma == 0
