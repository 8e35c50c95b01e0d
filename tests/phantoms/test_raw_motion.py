"""A chest that beats, breathes and takes up contrast agent: motion, tissues and courses against closed forms."""

import numpy as np
import pytest

from quietmr.data import InputError
from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.phantoms.raw.canvas import Tissue
from quietmr.phantoms.raw.palette import STEADY, first_pass
from quietmr.phantoms.raw.timing import moments

STEP = 400 / 128


def chest(**changes):
    return RawProtocol(**{"matrix": (128, 96, 1), "coils": 2, "noise_readouts": 0, **changes})


def truth(protocol, seed=3):
    return simulate_raw(protocol, np.random.default_rng(seed), noise=False).truth


def middle(labels, tissues):
    """Middle (row, column) of some tissues in each frame."""
    return np.array([np.argwhere(np.isin(frame[0], tissues)).mean(axis=0) for frame in labels])


@pytest.fixture(scope="module")
def breathing():
    """One frame a second at 60 beats in a minute: the heart is at rest in all, and breath alone moves it."""
    protocol = chest(timing="real-time", frame_ms=1000.0, heart_rate=60.0, frames=5, breathing_mm=14.0)
    return protocol, truth(protocol)


@pytest.fixture(scope="module")
def passage():
    protocol = chest(matrix=(96, 72, 1), timing="first-pass", frames=22, heart_rate=50.0, breathing_mm=2.0)
    return protocol, truth(protocol)


def test_gated_frames_divide_one_cycle_and_others_follow_the_clock():
    assert [moment.cardiac for moment in moments(chest(frames=4))] == [0.0, 0.25, 0.5, 0.75]
    beats = moments(chest(timing="real-time", frames=40, frame_ms=50.0, heart_rate=90.0))
    np.testing.assert_allclose([moment.cardiac for moment in beats], np.arange(40) * 0.05 * 1.5 % 1, atol=1e-12)
    triggered = moments(chest(timing="first-pass", frames=30, heart_rate=50.0))
    np.testing.assert_allclose(np.diff([moment.seconds for moment in triggered]), 1.2)
    assert np.ptp([moment.cardiac for moment in triggered]) < 0.03


def test_the_heart_follows_the_diaphragm(breathing):
    protocol, found = breathing
    breath = np.array([moment.breath for moment in moments(protocol)])
    assert np.ptp(breath) > 0.9
    rows, columns = middle(found.labels, (Tissue.LEFT_BLOOD, Tissue.PAPILLARY, Tissue.MYOCARDIUM)).T
    # Towards the back, which is down in the picture, by 0.45 of the travel, and a little to the left.
    np.testing.assert_allclose((rows - rows[0]) * STEP, 0.45 * 14.0 * breath, atol=0.25 * STEP)
    np.testing.assert_allclose((columns - columns[0]) * STEP, 0.10 * 14.0 * breath, atol=0.25 * STEP)


def test_the_front_of_the_chest_moves_little_and_the_back_not_at_all(breathing):
    _, found = breathing
    image = np.abs(found.image[:, 0])
    out = int(np.argmax([moment.breath for moment in moments(breathing[0])]))
    change = np.abs(image[out] - image[0])
    rows = np.flatnonzero(found.mask[0, :, 64])
    # Spine and skin of the back, but for the ringing of all that moves.
    behind, before = (change[start : start + 7, 50:78].mean() for start in (rows.max() - 6, rows.min() - 3))
    assert behind < 0.2 * before
    front = [np.flatnonzero(frame[:, 64] > 0.3 * image[0, :, 64].max())[0] for frame in image]
    assert 0 <= (front[0] - front[out]) * STEP <= 0.3 * 14.0 + STEP


def test_without_breath_the_same_chest_lies_still():
    still = truth(chest(timing="real-time", frame_ms=1000.0, heart_rate=60.0, frames=3))
    np.testing.assert_array_equal(still.image[0], still.image[2])
    gated = truth(chest(frames=1))
    np.testing.assert_allclose(still.image[0], gated.image[0], rtol=1e-4, atol=1e-4)


def test_pool_and_wall_have_the_areas_of_their_radii():
    labels = truth(chest(matrix=(192, 144, 1), timing="real-time", frame_ms=350.0, heart_rate=60.0, frames=2)).labels
    area = (400 / 192) ** 2
    for frame, inner in zip(labels[:, 0], (25.0, 15.5), strict=True):
        pool = np.isin(frame, (Tissue.LEFT_BLOOD, Tissue.PAPILLARY)).sum() * area
        assert pool == pytest.approx(np.pi * inner**2, rel=0.12)
        whole = pool + (frame == Tissue.MYOCARDIUM).sum() * area
        squeeze = (25.0 - inner) / 9.5
        outer = np.sqrt(inner**2 + (1 + 0.12 * squeeze) * (34.5**2 - 25.0**2))
        # The body is warped, by a few percent of an area.
        assert whole == pytest.approx(np.pi * outer**2, rel=0.08)
        muscles = (frame == Tissue.PAPILLARY).sum() * area
        assert muscles == pytest.approx(np.pi * (5.0**2 + 4.5**2), rel=0.2)


def test_labels_are_where_the_image_has_their_brightness():
    found = truth(chest(matrix=(192, 144, 1), frames=2))
    image = np.abs(found.image)
    left, muscle = (image[found.labels == tissue] for tissue in (Tissue.LEFT_BLOOD, Tissue.MYOCARDIUM))
    assert np.percentile(left, 10) > 1.5 * np.percentile(muscle, 75)
    # Both lie next to each other, under nearly the same sensitivity.
    assert np.median(left) / np.median(muscle) == pytest.approx(STEADY.left_blood / STEADY.heart_muscle, rel=0.15)


def test_other_subjects_name_no_tissues():
    assert not truth(RawProtocol(subject="disk", matrix=(32, 24, 1), coils=2, frames=2)).labels.any()


def test_fresh_blood_is_brighter_in_the_pools_only():
    plain, fresh = (
        truth(chest(timing="real-time", frame_ms=550.0, heart_rate=60.0, frames=2, inflow=inflow), 5)
        for inflow in (0.0, 0.4)
    )
    ratio = (
        np.abs(fresh.image[1, 0])
        / np.maximum(np.abs(plain.image[1, 0]), 1e-6)
        * np.median(np.abs(plain.image[:, plain.mask]) / np.abs(fresh.image[:, plain.mask]))
    )
    labels = plain.labels[1, 0]
    assert np.percentile(ratio[labels == Tissue.LEFT_BLOOD], 95) > 1.2
    assert np.median(ratio[labels == Tissue.MYOCARDIUM]) == pytest.approx(1.0, abs=0.02)


def test_contrast_agent_passes_right_ventricle_left_ventricle_muscle(passage):
    _, found = passage
    image = np.abs(found.image)
    courses = np.array(
        [
            [np.median(frame[labels == tissue]) for frame, labels in zip(image, found.labels, strict=True)]
            for tissue in (Tissue.RIGHT_BLOOD, Tissue.LEFT_BLOOD, Tissue.MYOCARDIUM)
        ]
    )
    peaks = courses.argmax(axis=1)
    assert (np.diff(peaks) >= 3).all()
    rise = courses.max(axis=1) / courses[:, 0]
    assert rise[0] > 5
    assert rise[1] > 4
    assert 1.8 < rise[2] < 5
    slopes = np.diff(courses, axis=1).max(axis=1)
    assert slopes[2] < 0.35 * slopes[1]
    # One image in each beat, at rest: the heart hardly changes its place.
    pools = np.array([np.isin(frame, (Tissue.LEFT_BLOOD, Tissue.PAPILLARY)).sum() for frame in found.labels])
    assert np.ptp(pools) < 0.1 * pools.mean()


def test_course_of_blood_is_a_gamma_variate_with_a_rest():
    before, peak, late = (first_pass(seconds).left_blood for seconds in (0.0, 12.0, 500.0))
    assert peak - before == pytest.approx(0.70 * (0.85 + 0.15 * (1 - np.exp(-1))), rel=1e-9)
    assert late - before == pytest.approx(0.15 * 0.70, rel=1e-6)
    # Twice the rise after arrival.
    later = 0.70 * (0.85 * (2 * np.exp(-1)) ** 2.5 + 0.15 * (1 - np.exp(-4)))
    assert first_pass(18.0).left_blood - before == pytest.approx(later, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"subject": "brain", "breathing_mm": 5.0, "timing": "real-time"}, "chest"),
        ({"subject": "disk", "timing": "first-pass"}, "chest"),
        ({"subject": "disk", "inflow": 0.2}, "chest"),
        ({"breathing_mm": 5.0}, "breath-hold"),
        ({"timing": "cine"}, "timing"),
        ({"inflow": 1.5}, "inflow"),
        ({"heart_rate": float("nan")}, "heart rate"),
        ({"frame_ms": 0.0}, "time between frames"),
        ({"breathing_mm": -1.0, "timing": "real-time"}, "diaphragm"),
    ],
)
def test_impossible_motion_is_refused(changes, word):
    with pytest.raises(InputError, match=word):
        chest(**changes)
