"""``quietmr compare`` from reading to telling."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from quietmr.cli.compare import Compare
from quietmr.cli.compare_inputs import of_plan, planned
from quietmr.cli.compare_words import told, told_failures, told_warnings
from quietmr.cli.console import plain
from quietmr.cli.failures import FAILED
from quietmr.cli.progress import progress_bar
from quietmr.evaluate.compare.conditions import Condition
from quietmr.evaluate.compare.folder import FIGURE, SUMMARY, TABLE, Folder
from quietmr.evaluate.compare.measuring import Bench
from quietmr.evaluate.compare.methods import Method
from quietmr.evaluate.compare.plan import Plan
from quietmr.evaluate.compare.record import record
from quietmr.evaluate.compare.running import run
from quietmr.evaluate.compare.summary import Results
from quietmr.evaluate.compare.table import page


def run_comparison(options: Compare, command_line: str) -> int:
    """Compare what the options say; exit code."""
    del command_line
    plan, _ = planned(options)
    folder = Folder(Path(options.paths[-1]))
    with folder.locked():
        plan = folder.open(plan, force=options.force)
        load, methods = of_plan(plan, options)
        bench = Bench(load, methods, list(plan.scores), debug=options.debug)
        try:
            _measure(options, folder, plan, bench)
        except (KeyboardInterrupt, SystemExit):
            results = _finish(folder, plan, list(methods.values()))
            sys.stderr.write(
                f"quietmr: {results.done} of {plan.grid.size} results are in {folder.path}; the same command goes on.\n"
            )
            raise
        results = _finish(folder, plan, list(methods.values()))
    return _tell(options, folder, plan, results)


def _measure(options: Compare, folder: Folder, plan: Plan, bench: Bench) -> None:
    """Measure what the folder does not hold yet, row by row; rows that failed before get another chance."""
    held = {row.key for row in folder.rows(plan.scores) if not row.failed}
    cells: list[tuple[Condition, str]] = [cell for cell in plan.grid.cells() if cell not in held]
    if not options.quiet and not options.json and held and cells:
        sys.stderr.write(f"quietmr: goes on with {folder.path}, {plan.grid.size - len(cells)} results are there.\n")
    shown = not (options.quiet or options.json)
    with progress_bar(f"{len(cells)} results", shown=shown) as tell:
        workers = min(options.workers, len(cells))
        for done, row in enumerate(run(bench, cells, workers=workers, threads=plan.threads), 1):
            folder.add(row, plan.scores)
            if tell is not None:
                tell(done / len(cells))


def _finish(folder: Folder, plan: Plan, methods: Sequence[Method]) -> Results:
    """Write everything that is made from the rows."""
    # Imported here: refusals come before anybody waits for matplotlib.
    from quietmr.report.compare_figure import comparison_figure
    from quietmr.report.figure import save_figure

    results = Results(plan.grid, folder.rows(plan.scores), methods)
    text = json.dumps(plain(record(plan, results)), indent=1, ensure_ascii=False, allow_nan=False)
    folder.write(SUMMARY, f"{text}\n")
    folder.write(TABLE, page(plan, results))
    if results.done:
        save_figure(comparison_figure(results), folder.path / FIGURE, force=True)
    return results


def _tell(options: Compare, folder: Folder, plan: Plan, results: Results) -> int:
    if options.json:
        sys.stdout.write(json.dumps(plain(record(plan, results)), ensure_ascii=False, allow_nan=False) + "\n")
    elif not options.quiet:
        sys.stderr.write(told_warnings(plan))
        sys.stdout.write(told(folder, plan, results))
    sys.stderr.write(told_failures(results, debug=options.debug))
    return FAILED if results.failures else 0
