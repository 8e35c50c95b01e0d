"""From a run of ``papers.py`` to a model of the package: weights, and a card with its scores on people never seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from papers_arms import arm_of
from papers_methods import RIVALS, trained_name
from papers_scores import PaperRow
from papers_volumes import LEVELS, T1, T2, TESTS
from results import UNTOUCHED

from quietmr.data import InputError
from quietmr.models import Card
from quietmr.training.paper_card import paper_texts
from quietmr.training.publish import publish

_DATA = (
    "Clean T1W, T2W and FLAIR scans of patients 01 and 20 of the 3D MR image database of multiple sclerosis patients, "
    "University of Ljubljana, Laboratory of Imaging Technologies (Lesjak et al., Neuroinformatics 2016), longitudinal "
    "part, CC BY, from github.com/muschellij2/open_ms_data, half of their in-plane k-space kept, with added noise; and "
    "procedural anatomy (quietmr.phantoms). No other image of a person was used."
)
_CONVENTION = (
    "PSNR in dB and SSIM in the foreground, mean over volumes of people never seen; white Rician noise, percent and "
    "data range: brightest tissue (99th percentile of the foreground); docs/papers.md"
)


def publish_run(name: str, seed: int, out: Path, rows: Sequence[PaperRow], folder: Path) -> Card:
    """Make a model of a finished run.

    Parameters
    ----------
    name : str
        Of the arm; and of the model.
    seed : int
    out : Path
        Folder of the trainings.
    rows : sequence of PaperRow
        Scores of the run, of the untouched images and of the classical methods.
    folder : Path
        Where models live.

    Raises
    ------
    InputError
        If the run has not been scored.
    """
    arm = arm_of(name)
    scores = _scores(trained_name(arm, seed), rows)
    texts = paper_texts(arm.made(seed)) | {"license": "Apache-2.0", "data": _DATA}
    note = (
        "Trained for a few CPU minutes to be compared in docs/papers.md: not what the paper's own training would give."
    )
    return publish(arm.folder(out, seed), folder, texts, scores, note)


def _scores(method: str, rows: Sequence[PaperRow]) -> dict[str, Any]:
    own = [row for row in rows if row.method == method and row.percent in LEVELS]
    if not own:
        raise InputError(f"'{method}' has not been scored: run papers.py --score first.")
    found: dict[str, Any] = {"convention": _CONVENTION}
    for contrast in (T1, T2):
        volumes = {row.volume for row in own if TESTS[row.volume].contrast == contrast}
        for percent in sorted({row.percent for row in own}):
            cells = {(row.volume, row.seed) for row in own if row.volume in volumes and row.percent == percent}
            if not cells:
                continue
            here = [row for row in rows if (row.volume, row.seed) in cells and row.percent == percent]
            complete = [one for one in RIVALS if {(r.volume, r.seed) for r in here if r.method == one} >= cells]
            best = max(complete, key=lambda one: _mean(here, one)["psnr"], default=None)
            entry = {"untouched": _mean(here, UNTOUCHED), "this": _mean(here, method)}
            if best is not None:
                entry["best classical"] = {"method": best, **_mean(here, best)}
            found[f"{contrast}, {percent:g} %"] = {"volumes": sorted(volumes), **entry}
    return found


def _mean(rows: Iterable[PaperRow], method: str) -> dict[str, float]:
    own = [row for row in rows if row.method == method]
    return {"psnr": round(fmean(r.psnr for r in own), 2), "ssim": round(fmean(r.ssim for r in own), 4)}
