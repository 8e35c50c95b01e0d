"""The tables of the benchmark of residual tests, and what its wrong denoisers plant."""

import numpy as np
import pytest
from noise_cases import NoisyCase
from residual_arms import ARMS, Scene
from residual_tables import confusion, false_alarms, report
from residual_tests import Row
from row_files import append_rows, read_rows

from quietmr.data import Image, NoiseMap


def row(arm, expected, verdict, group="judged", **others):
    facts = {"volume": "colin-t1", "kind": "white", "percent": 7.0, "told": "told", "seed": 0} | others
    return Row(group, arm=arm, expected=expected, verdict=verdict, seconds=1.0, **facts)


def test_rows_come_back(tmp_path):
    rows = [row("quiet", "only noise", "only noise", seed=seed) for seed in (1, 2)]
    for each in rows:
        append_rows(tmp_path / "rows.csv", [each])
    assert [each.key for each in read_rows(tmp_path / "rows.csv", Row)] == [each.key for each in rows]


def test_right_and_wrong_verdicts_are_counted():
    rows = [row("blur 1", "structure removed", verdict) for verdict in ("structure removed", "only noise")]
    assert confusion(rows).splitlines()[2] == "| blur 1 | 1 | **1** |  |  |  |"
    rows += [row("quiet", "only noise", "structure added")]
    text = report(rows)
    assert "Right: **1 of 3 (33.3%)**" in text
    assert "quiet and quiet-fast: **1 of 1**" in text


def test_false_alarms_are_counted():
    rows = [row("the truth", "only noise", verdict, "draws") for verdict in ["only noise"] * 3 + ["structure added"]]
    assert "1 (25.0%)" in false_alarms(rows)


@pytest.mark.parametrize("arm", ["blobs added", "vessels added", "anatomy added", "sharpened"])
def test_what_is_planted_stands_above_the_noise(arm, rng):
    clean = np.zeros((1, 4, 48, 48), np.float32)
    clean[..., 8:40, 8:40] = 10 + rng.random((32, 32))
    foreground = clean > 0
    case = NoisyCase(clean, clean, np.ones_like(clean))
    scene = Scene(
        case, Image(clean, noise=NoiseMap(np.float32(1))), foreground, clean, clean + rng.random(clean.shape), "a"
    )
    planted = ARMS[arm].run(scene) - clean
    assert planted.shape == clean.shape
    assert np.abs(planted).max() > (0.3 if arm == "sharpened" else 2)
    assert np.array_equal(planted, ARMS[arm].run(scene) - clean)  # the same in every run
