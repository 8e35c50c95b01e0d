"""The folder of a comparison: its plan, its rows, and what is made from them."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from quietmr.data import InputError, OutputError
from quietmr.evaluate.compare.plan import Plan
from quietmr.evaluate.compare.rows import Row, append_row, read_rows

PLAN, ROWS, SUMMARY, TABLE, FIGURE = OURS = (
    "plan.json", "results.csv", "results.json", "table.md", "psnr_ssim.png",
)  # fmt: skip


@dataclass(frozen=True)
class Folder:
    """A folder with a plan and rows."""

    path: Path

    def open(self, plan: Plan, *, force: bool = False) -> Plan:
        """Begin in the folder, or go on with it; the plan that holds from now on is written and given back.

        Raises
        ------
        OutputError
            If it holds files of others and no comparison, or a comparison that does not go together with the plan.
        """
        old = None if force else self.plan()
        if old is None:
            self._check_foreign(force=force)
        whole = plan if old is None else self._worth_keeping(old, plan).grown_by(plan)
        if force:
            for name in OURS:
                (self.path / name).unlink(missing_ok=True)
        self.write(PLAN, json.dumps(whole.to_json(), indent=1, ensure_ascii=False) + "\n")
        return whole

    def plan(self) -> Plan | None:
        """Read the plan of a comparison that is there; None if there is none.

        Raises
        ------
        OutputError
            If there is one that cannot be read.
        """
        path = self.path / PLAN
        if not path.exists():
            return None
        try:
            return Plan.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
            raise OutputError(
                f"{path} is damaged or of another version of quietmr: name another folder, or start anew with --force."
            ) from error

    def rows(self, scores: Sequence[str]) -> list[Row]:
        """All rows so far."""
        return read_rows(self.path / ROWS, scores)

    def add(self, row: Row, scores: Sequence[str]) -> None:
        """Keep a row."""
        append_row(self.path / ROWS, row, scores)

    def write(self, name: str, text: str) -> None:
        """Write a text whole or not at all."""
        part = self.path / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(self.path / name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and keep other runs out of it, where the system can.

        Raises
        ------
        OutputError
            If another run is at work in it, or there is a file in its place.
        """
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"{self.path} is a file where a folder would go: choose another name.")
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            import fcntl
        except ImportError:  # not on Windows
            yield
            return
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise OutputError(f"Another run is at work in {self.path}: wait for it, or name another folder.") from error
        try:
            yield
        finally:
            os.close(handle)

    def _worth_keeping(self, old: Plan, new: Plan) -> Plan:
        """Leave out methods that have no result at all, unless they are named again."""
        succeeded = {row.method for row in self.rows(old.scores) if not row.failed} | set(new.grid.methods)
        kept = tuple(name for name in old.grid.methods if name in succeeded)
        return replace(old, grid=replace(old.grid, methods=kept)) if kept else new

    def _check_foreign(self, *, force: bool) -> None:
        foreign = sorted(entry.name for entry in os.scandir(self.path) if entry.name not in OURS)
        if foreign and not (force and (self.path / PLAN).exists()):
            raise OutputError(
                f"{self.path} holds other files ({foreign[0]}) and no comparison to go on with: name a new folder."
            )
