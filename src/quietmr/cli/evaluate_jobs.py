"""Which files ``quietmr evaluate`` reads and writes."""

from dataclasses import dataclass
from pathlib import Path

from quietmr.cli.evaluate import Evaluate
from quietmr.cli.jobs import Job
from quietmr.data import OutputError


@dataclass(frozen=True, kw_only=True)
class EvaluationJob(Job):
    """Scans to measure on, and the maps and tables to write; ``noise_map`` is the SD that is left."""

    others: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    structure: Path | None = None
    gain: Path | None = None
    scores: Path | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Everything that will be read."""
        return (self.source, *self.others, *self.beside)

    @property
    def maps(self) -> tuple[Path, ...]:
        """Images of fractions that will be written."""
        return tuple(path for path in (self.structure, self.gain, self.noise_map) if path)

    @property
    def tables(self) -> tuple[Path, ...]:
        """Plain files that will be written."""
        return (self.scores,) if self.scores else ()

    @property
    def outputs(self) -> tuple[Path, ...]:
        """Everything that will be written."""
        return (*self.maps, *self.tables)


def evaluation_job(options: Evaluate) -> EvaluationJob:
    """Name the files of a run.

    Raises
    ------
    OutputError
        If the table of scores is to have another suffix than .csv.
    """
    first, *others = map(Path, options.paths)
    scores = _path(options.csv)
    if scores is not None and scores.suffix.lower() != ".csv":
        raise OutputError(f"Scores cannot be written as {scores.name}: name a .csv file, or print them with --json.")
    return EvaluationJob(
        first,
        _path(options.noise_map_out),
        others=tuple(others),
        beside=tuple(Path(name) for name in (options.truth, options.noise_map_in, options.mask) if name),
        structure=_path(options.structure_out),
        gain=_path(options.gain_out),
        scores=scores,
    )


def _path(name: str | None) -> Path | None:
    return Path(name) if name else None
