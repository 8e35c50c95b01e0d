"""What ``quietmr compare`` says on real heads: the table and the figure of docs/compare.md.

    python benchmarks/compare.py [--out runs/bench/compare] [--seeds 1] [--docs docs/compare.md] [--table-only]

The volumes of ``volumes.py`` are written as NIfTI files, and the command is called as a user calls it. It goes on where
it was stopped. CPU minutes: about 12 for each seed on one thread. For comparable seconds leave the machine alone.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from quality import insert
from volumes import VOLUMES, load

from quietmr.cli.main import main as quietmr

NAMES = ("colin-t1", "seg3d-t1", "ms-t2")
METHODS = (
    "quiet", "quiet-fast", "dipy-nlm-classic", "dipy-nlm-blockwise", "skimage-nlm", "skimage-wavelet", "skimage-tv",
    "gaussian",
)  # fmt: skip
LEVELS = ("3", "5", "7", "9", "15")
KINDS = ("white", "correlated", "varying")


def write_volume(name: str, folder: Path) -> Path:
    """Write a clean volume as NIfTI, unless it is there."""
    path = folder / f"{name}.nii.gz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        clean, _, _ = load(name)
        nib.save(nib.Nifti1Image(np.ascontiguousarray(clean[0].transpose(2, 1, 0)), np.diag([1.0, 1, 1, 1])), path)
    return path


def command(given: argparse.Namespace) -> list[str]:
    """The words that a user types."""
    images = [str(write_volume(name, given.out.with_name("compare-volumes"))) for name in given.volumes]
    options = ["--methods", *given.methods, "--levels", *LEVELS, "--kinds", *KINDS, "--seeds", str(given.seeds)]
    return ["compare", *images, str(given.out), *options, "--workers", str(given.workers)]


def for_docs(out: Path, volumes: Sequence[str]) -> str:
    """The page of the comparison as a section of another page."""
    text = (out / "table.md").read_text(encoding="utf-8").partition("\n")[2].strip()
    about = "\n".join(f"- {name}: {VOLUMES[name].about}" for name in volumes)
    return f"{about}\n\n{re.sub('^## ', '### ', text, flags=re.MULTILINE)}"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/bench/compare"))
    parser.add_argument("--volumes", nargs="+", default=NAMES, choices=VOLUMES, metavar="NAME")
    parser.add_argument("--methods", nargs="+", default=METHODS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--docs", type=Path, help="page that gets the table; the figure goes to images/ beside it")
    parser.add_argument("--table-only", action="store_true", help="put what is there into the page")
    return parser.parse_args()


def main() -> None:
    """Compare, then put the table and the figure into the documentation."""
    given = arguments()
    if not given.table_only and (code := quietmr(command(given))):
        sys.exit(code)
    if given.docs:
        insert(given.docs, for_docs(given.out, given.volumes))
        shutil.copyfile(given.out / "psnr_ssim.png", given.docs.parent / "images" / "compare.png")


if __name__ == "__main__":
    main()
