"""``quietmr denoise --paper-io``: the way of the HMAD-Net paper with pictures, for rerunning it and nothing else.

The paper (Umair, Hamid 2025) reads 8-bit luminance, resizes it to 256 x 256, feeds values / 255, and writes 8 bits.
How it resizes is not stated: bilinear is ours. Its figure has three columns.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr._version import __version__
from quietmr.cli.console import Console, Outcome, collected_warnings, plain
from quietmr.cli.denoise import Denoise
from quietmr.cli.failures import UsageError
from quietmr.cli.jobs import Wish
from quietmr.cli.outputs import emit
from quietmr.cli.paper_io_files import SIZE, find_pictures, match_truths, read_picture, save_picture, to_8_bit
from quietmr.cli.paper_io_scores import facts_of, score, told
from quietmr.cli.progress import progress_bar
from quietmr.cli.refusals import check_plain_file, folders_for
from quietmr.data import OutputError
from quietmr.io.atomic import replacing_together
from quietmr.models import Card
from quietmr.report import FIGURE_SUFFIXES

WARNING = (
    f"--paper-io changes your data: each picture becomes 8-bit luminance of {SIZE} x {SIZE} pixels (bilinear), and the "
    "result is cut to 0...255 and rounded. It is for rerunning a paper only; denoise scans without it."
)
FIGURE, RECORD = "three_columns.png", "paper_io.json"
_FITTING = {"paths", "paper_io", "truth", "model", "figure", "device", "threads", "force", "quiet", "json", "debug"}


@dataclass(frozen=True)
class _Work:
    """What is read and written; pictures of shape (N, 256, 256), truths only if there are some."""

    sources: list[Path]
    truths: list[Path | None]
    outputs: list[Path]
    figure: Path
    record: Path


def check_options(options: Denoise) -> None:
    """Refuse options that mean nothing here.

    Raises
    ------
    UsageError
    """
    for field in fields(options):
        default = field.default if field.default is not MISSING else None
        if field.name not in _FITTING and getattr(options, field.name) != default:
            raise UsageError(
                f"--{field.name.replace('_', '-')} does not go with --paper-io, which knows no noise level and no "
                "unit: leave one of them out."
            )


def run_paper_io(options: Denoise, command_line: str) -> int:
    """Denoise pictures as the paper does; all outputs appear, or none.

    Raises
    ------
    UsageError, InputError, OutputError, ModelError
        In one sentence.
    """
    from quietmr.denoise.unit_pictures import check_unit_network

    check_options(options)
    card = check_unit_network(options.model)
    sources = find_pictures(options.paths[:-1])
    truths = match_truths(sources, options.truth)
    out = options.paths[-1].rstrip("/") + "/"
    work = _settled(sources, truths, Path(out), options.figure)
    console = Console(json=options.json, quiet=options.quiet, debug=options.debug)
    with folders_for([Wish("OUT", out, "", lambda _: "")]):
        _check(work, force=options.force)
        with collected_warnings() as warned:
            noisy = np.stack([read_picture(path) for path in sources])
            clean = None if options.truth is None else np.stack([read_picture(path) for path in truths if path])
        denoised = _denoised(options, noisy)
        facts, lines = _scored(work, noisy, denoised, clean)
        facts |= _origin(card, command_line) | {"warnings": [WARNING, *_notices(card), *warned]}
        with replacing_together() as temporary_for:
            emit(temporary_for, work.record, lambda path: _save_record(facts, path))
            emit(temporary_for, work.figure, lambda path: _draw(work, noisy, denoised, clean, path))
            for path, picture in zip(work.outputs, denoised, strict=True):
                emit(temporary_for, path, _saver(picture))
    n = len(sources)
    first = f"{n} picture{'s' if n > 1 else ''} in {out} and {work.figure}, model {options.model}"
    console.result(Outcome(facts, "\n".join([first, *lines])), named=False)
    return 0


def _settled(sources: list[Path], truths: list[Path | None], out: Path, figure: str | None) -> _Work:
    drawn = Path(figure) if figure else out / FIGURE
    if drawn.suffix.lower() not in FIGURE_SUFFIXES:
        raise OutputError(f"A figure cannot be written as {drawn}: choose one of {', '.join(FIGURE_SUFFIXES)}.")
    return _Work(sources, truths, [out / f"{source.stem}.png" for source in sources], drawn, out / RECORD)


def _check(work: _Work, *, force: bool) -> None:
    """Refuse before any work what would hurt an input, another output, or what exists."""
    read = {path.resolve() for path in (*work.sources, *work.truths) if path is not None}
    homes = {path.parent for path in read}
    written: set[Path] = set()
    for path in (*work.outputs, work.figure, work.record):
        place = path.resolve()
        if place in read or (path in work.outputs and place.parent in homes):
            raise OutputError(f"{path} would lie among the inputs, which are never overwritten: choose another folder.")
        if place in written:
            raise OutputError(f"{path} would be written twice: give every picture a name of its own.")
        written.add(place)
        check_plain_file(path, force=force)


def _denoised(options: Denoise, noisy: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from torch import set_num_threads

    from quietmr.denoise.unit_pictures import UnitPictures

    if options.threads is not None:
        set_num_threads(options.threads)
    with progress_bar(f"denoising {len(noisy)} pictures", shown=not (options.quiet or options.json)) as tell:
        return to_8_bit(UnitPictures(options.model, options.device, tell)(noisy.astype(np.float32) / np.float32(255)))


def _scored(
    work: _Work, noisy: NDArray[np.uint8], denoised: NDArray[np.uint8], clean: NDArray[np.uint8] | None
) -> tuple[dict[str, Any], list[str]]:
    """Facts of every picture and of all, and the lines that tell the latter."""
    pictures: list[dict[str, Any]] = [
        {"input": str(source), "output": str(output), "truth": None if truth is None else str(truth)}
        for source, output, truth in zip(work.sources, work.outputs, work.truths, strict=True)
    ]
    facts: dict[str, Any] = {"input": str(work.sources[0].parent), "pictures": pictures, "figure": str(work.figure)}
    if clean is None:
        return facts, []
    before, after = ([score(one, true) for one, true in zip(many, clean, strict=True)] for many in (noisy, denoised))
    for picture, one, other in zip(pictures, before, after, strict=True):
        picture |= facts_of(one, other)
    scores, lines = told(before, after)
    return facts | {"scores": scores}, lines


def _origin(card: Card, command_line: str) -> dict[str, Any]:
    return {"model": card.name, "weights_sha256": card.sha256, "version": __version__, "command": command_line}


def _notices(card: Card) -> Sequence[str]:
    if not card.is_generative:
        return ()
    return (f"'{card.name}' is a generative network (GAN): its output may show structure that is not in the picture.",)


def _save_record(facts: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(plain(facts), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _saver(picture: NDArray[np.uint8]) -> Callable[[Path], None]:
    return lambda path: save_picture(picture, path)


def _draw(
    work: _Work, noisy: NDArray[np.uint8], denoised: NDArray[np.uint8], clean: NDArray[np.uint8] | None, path: Path
) -> None:
    # Imported here: only now is it sure that there is something to draw.
    from quietmr.report.columns_figure import Row, columns_figure, shown_rows

    chosen = shown_rows(len(work.sources))
    rows = [Row(work.sources[i].name, noisy[i], denoised[i], None if clean is None else clean[i]) for i in chosen]
    columns_figure(rows).savefig(path)
