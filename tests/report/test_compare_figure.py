"""The figure of a comparison shows the means it is given, and its labels can be read."""

import numpy as np
import pytest

from quietmr.evaluate.compare.conditions import Grid
from quietmr.evaluate.compare.methods import Method
from quietmr.evaluate.compare.rows import Row
from quietmr.evaluate.compare.summary import Results
from quietmr.report.compare_figure import _apart, comparison_figure

GRID = Grid(("a", "b"), ("white", "varying"), (3.0, 9.0), 1, ("untouched", "quiet", "gaussian"))
LOSS = {"untouched": 8.0, "quiet": 0.0, "gaussian": 4.0}


def results(grid=GRID, left_out=()):
    rows = []
    for condition, method in grid.cells():
        if (method, condition.percent) in left_out:
            continue
        psnr = 40 - LOSS.get(method, 1.0) - condition.percent + 2 * (condition.image == "b")
        scores = {"psnr": psnr, "ssim": psnr / 50}
        rows.append(Row(condition, method, 100.0, condition.percent, voxels=100, scores=scores))
    return Results(grid, rows, [Method(name) for name in grid.methods])


def test_a_panel_for_each_kind_and_score_holds_the_means():
    figure = comparison_figure(results())
    assert len(figure.axes) == 4
    (quiet,) = (line for line in figure.axes[0].lines if line.get_color() == "#0072B2" and line.get_marker() == "o")
    np.testing.assert_allclose(quiet.get_ydata(), [40 - 3 + 1, 40 - 9 + 1])
    np.testing.assert_allclose(quiet.get_xdata(), [3, 9], atol=0.2)


def test_every_line_is_labelled_and_the_best_is_on_top():
    figure = comparison_figure(results())
    assert [len(axes.texts) for axes in figure.axes] == [0, 3, 0, 3]  # once in each row, in its last panel
    for axes in figure.axes[1::2]:
        labels = sorted(axes.texts, key=lambda text: -text.get_position()[1])
        assert [text.get_text() for text in labels] == ["quiet", "gaussian", "untouched"]


def test_methods_with_gaps_have_no_point_there():
    figure = comparison_figure(results(left_out={("gaussian", 9.0)}))
    (line,) = (line for line in figure.axes[0].lines if line.get_color() == "#D55E00" and line.get_marker() == "s")
    assert len(line.get_xdata()) == 1


@pytest.mark.parametrize("levels", [(5.0,), (0.1, 0.2, 15.0)])
@pytest.mark.parametrize("count", [1, 17])
def test_any_number_of_levels_and_methods_can_be_drawn(levels, count):
    names = ("untouched", *(f"method-{number}-with-a-rather-long-name" for number in range(count)))
    grid = Grid(("a",), ("correlated",), levels, 1, names)
    figure = comparison_figure(results(grid))
    figure.canvas.draw()
    labels = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(labels) == len(names)
    assert not any(one.overlaps(other) for i, one in enumerate(labels) for other in labels[:i])


@pytest.mark.parametrize("seed", range(5))
def test_labels_keep_their_order_and_their_distance(seed):
    wishes = np.sort(np.random.default_rng(seed).uniform(0, 1, 12))[::-1]
    placed = np.array(_apart(wishes, 0.05))
    assert (np.diff(placed) <= -0.05 + 1e-12).all()
    assert placed.min() >= -1e-12


def test_labels_with_room_stay_where_they_are():
    assert _apart([0.9, 0.5, 0.1], 0.05) == [0.9, 0.5, 0.1]
