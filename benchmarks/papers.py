"""Rerun the tables of three papers on one machine, for everybody alike; see docs/papers.md.

python benchmarks/papers.py --docs docs/papers.md                     all of what follows
python benchmarks/papers.py --train [--only NAME ...] [--seeds 2]     as often at once as there are cores
python benchmarks/papers.py --score [--draws 2] [--again NAME ...]    what has been trained, and what needs no training
python benchmarks/papers.py --table-only --docs docs/papers.md        tables of what has been scored
python benchmarks/papers.py --figures                                 docs/images/papers_*.png
python benchmarks/papers.py --publish NAME ...                        models of the package, of seed 0

Trainings and rows are kept, so that each command goes on after an interruption, and several may run at once.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import torch
from papers_arms import ARMS, runs
from papers_diffusion import TUNED, read_choices
from papers_figures import draw_figures
from papers_methods import UNTRAINED, finished
from papers_models import publish_run
from papers_runs import Interrupted, train_all
from papers_scores import PaperRow, diffusion_file, score_all
from papers_tables import sections
from quality import insert
from results import forget, read_rows

from quietmr.data import QuietmrWarning
from quietmr.models.registry import WEIGHTS_FOLDER

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"


def arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", action="store_true", help="train what has not been trained")
    parser.add_argument("--score", action="store_true", help="score what has been trained, and what needs no training")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these alone: arms, or methods without training")
    parser.add_argument("--again", nargs="+", default=[], metavar="NAME", help="score these anew")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each arm")
    parser.add_argument("--draws", type=int, default=2, help="of the noise of each test volume")
    parser.add_argument("--device", default="cpu", help="of the trainings")
    parser.add_argument("--out", type=Path, default=Path("runs/papers"), help="folder of the trainings")
    parser.add_argument("--rows", type=Path, default=Path("runs/bench/papers.csv"), help="file of the scores")
    parser.add_argument("--tables", "--table-only", action="store_true", help="print the tables of what is scored")
    parser.add_argument("--figures", action="store_true", help="draw docs/images/papers_*.png")
    parser.add_argument(
        "--publish", nargs="+", default=[], metavar="NAME", help="make models of the package, of seed 0"
    )
    parser.add_argument("--docs", type=Path, help="page that gets the tables, each between marks of its name")
    asked = parser.parse_args(words)
    if not (asked.train or asked.score or asked.tables or asked.figures or asked.publish):
        asked.train = asked.score = asked.tables = asked.figures = True
    return asked


def main(words: list[str] | None = None) -> int:
    """Do what is asked for, in this order: train, score, tables, figures."""
    asked = arguments(words)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", QuietmrWarning)
    names = asked.only or [*UNTRAINED, TUNED, *(arm.name for arm in ARMS)]
    try:
        if asked.train:
            train_all(runs([arm for arm in ARMS if arm.name in names], range(asked.seeds)), asked.out, asked.device)
    except Interrupted:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    if asked.score:
        if asked.again:
            forget(asked.rows, lambda row: row.method in asked.again, PaperRow)
        methods = [name for name in (*UNTRAINED, TUNED) if name in names]
        score_all([*methods, *finished(names, asked.seeds, asked.out)], asked.out, asked.rows, asked.draws)
    if asked.tables:
        show(asked.rows, asked.draws, asked.seeds, asked.docs)
    if asked.figures:
        draw_figures(asked.rows, asked.out, IMAGES, asked.draws, asked.seeds)
    for name in asked.publish:
        card = publish_run(name, 0, asked.out, read_rows(asked.rows, PaperRow), WEIGHTS_FOLDER)
        print(f"{card.name}: {WEIGHTS_FOLDER / card.file}")
    return 0


def show(rows: Path, draws: int, seeds: int, page: Path | None) -> None:
    """Print the tables, and put them into a page."""
    parts = sections(read_rows(rows, PaperRow), read_choices(diffusion_file(rows)), draws, seeds)
    for name, text in parts.items():
        print(f"## {name}\n\n{text}\n")
        if page is not None:
            insert(page, text, name)


if __name__ == "__main__":
    sys.exit(main())
