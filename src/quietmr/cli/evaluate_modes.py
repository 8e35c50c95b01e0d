"""What ``quietmr evaluate`` is asked to do, told from its arguments."""

import math
from collections.abc import Callable
from enum import Enum

from quietmr.cli.console import Outcome
from quietmr.cli.denoise_scan import check_method
from quietmr.cli.evaluate import Evaluate
from quietmr.cli.evaluate_jobs import EvaluationJob
from quietmr.cli.evaluate_pair import EvaluatePair
from quietmr.cli.evaluate_repeats import EvaluateRepeats
from quietmr.cli.evaluate_replicas import EvaluateReplicas
from quietmr.cli.evaluate_scores import EvaluateScores
from quietmr.cli.failures import UsageError
from quietmr.cli.noise_level import check_level


class Mode(Enum):
    """The four ways to measure."""

    PAIR = "IN with DENOISED"
    SCORES = "IN with --truth"
    REPLICAS = "--monte-carlo and --lesions"
    REPEATS = "--repeats"


_WORK: dict[Mode, Callable[[Evaluate], Callable[[EvaluationJob], Outcome]]] = {
    Mode.PAIR: EvaluatePair,
    Mode.SCORES: EvaluateScores,
    Mode.REPLICAS: EvaluateReplicas,
    Mode.REPEATS: EvaluateRepeats,
}
# Outputs, and the ways to measure that have them.
_WRITTEN = {
    "structure_out": {Mode.PAIR},
    "gain_out": {Mode.REPLICAS},
    "noise_map_out": {Mode.REPLICAS, Mode.REPEATS},
    "csv": {Mode.PAIR, Mode.SCORES},
}


def mode_of(options: Evaluate) -> Mode:
    """Tell what is to be measured.

    Raises
    ------
    UsageError
        If the files and options do not say one thing.
    """
    measured = options.monte_carlo is not None or options.lesions
    count = len(options.paths)
    if not count:
        raise UsageError("Name a scan and its denoised copy: quietmr evaluate IN DENOISED.")
    if options.repeats:
        if measured or options.truth:
            raise UsageError(
                "--repeats stands alone: leave --monte-carlo, --lesions and --truth out, or ask for them apart."
            )
        return Mode.REPEATS
    if count == 1:
        if not measured and options.truth is None:
            raise UsageError(
                f"{options.paths[0]} alone tells nothing: add its denoised copy, --truth, --monte-carlo or --lesions."
            )
        return Mode.REPLICAS if measured else Mode.SCORES
    if count > 2:
        raise UsageError(
            f"{count} files are a scan, its denoised copy and too many: add --repeats if they are repeats."
        )
    if measured:
        raise UsageError("--monte-carlo and --lesions run the model themselves: name the scan alone, and --model NAME.")
    return Mode.PAIR


def check_options(options: Evaluate, mode: Mode) -> None:
    """Refuse options that have no meaning for what is measured, before any work.

    Raises
    ------
    UsageError
        If an output or number does not go with it.
    ModelError
        If there is no such model.
    InputError
        If the device is not there.
    """
    for name, modes in _WRITTEN.items():
        if getattr(options, name) is not None and mode not in modes:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} goes with {' or '.join(sorted(m.value for m in modes))}: leave it out here.")
    _check_wishes(options, mode)
    check_level(options)
    _check_numbers(options)
    if mode in (Mode.REPLICAS, Mode.REPEATS):
        check_method(options.model, options.device, "torch", is_complex=False)


def _check_wishes(options: Evaluate, mode: Mode) -> None:
    if options.csv is not None and options.truth is None:
        raise UsageError("--csv holds scores against a truth: add --truth FILE, or leave it out.")
    if mode is Mode.REPLICAS and options.monte_carlo is None and (options.gain_out or options.noise_map_out):
        raise UsageError("--gain-out and --noise-map-out hold maps of --monte-carlo N: add it, or leave them out.")


def _check_numbers(options: Evaluate) -> None:
    if options.data_range is not None and not (math.isfinite(options.data_range) and options.data_range > 0):
        raise UsageError(f"--data-range must be a positive number, got {options.data_range:g}.")
    for name, least in (("monte_carlo", 2), ("workers", 1), ("threads", 1), ("seed", 0)):
        value = getattr(options, name)
        if value is not None and value < least:
            raise UsageError(f"--{name.replace('_', '-')} must be {least} or more, got {value}.")


def work_of(options: Evaluate, mode: Mode) -> Callable[[EvaluationJob], Outcome]:
    """Make what measures one job."""
    return _WORK[mode](options)
