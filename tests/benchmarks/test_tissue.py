"""Rows and tables of the tissue benchmark."""

from dataclasses import replace
from pathlib import Path

import tissue
from row_files import append_rows, read_rows
from tissue import CLEAN, Row, tables

CLEAN_ROW = Row("colin", 0.0, CLEAN, 0, float("inf"), 1, 1, 1, 100.0, 200.0, 300.0, 0.2, 0.0, 0.0)
NOISY = Row("colin", 5.0, "untouched", 0, 24.0, 0.8, 0.7, 0.9, 110.0, 190.0, 300.0, 0.4, 0.2, 0.4)


def test_rows_come_back_and_the_table_compares_with_the_clean_head(tmp_path: Path) -> None:
    file = tmp_path / "tissue.csv"
    append_rows(file, [CLEAN_ROW])
    append_rows(file, [NOISY, replace(NOISY, seed=1, psnr=26.0, dice_gm=0.74, gm=210.0)])
    rows = read_rows(file, Row)
    assert rows[0] == CLEAN_ROW
    assert rows[1] == NOISY
    text = tables(rows)
    assert "CSF 100.0, GM 200.0, WM 300.0 ml; two tissues in 20.0 %" in text
    (line,) = (line for line in text.splitlines() if line.startswith("| untouched"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1] == "25.0"
    assert cells[3] == "0.720 ± 0.028"
    assert cells[5] == "+10.0 ± 0.0"
    assert cells[6] == "+0.0 ± 7.1"
    assert cells[8:] == ["40.0", "0.400"]


def test_methods_of_the_docs_are_registered() -> None:
    assert set(tissue.CHOSEN) <= set(tissue.METHODS)
