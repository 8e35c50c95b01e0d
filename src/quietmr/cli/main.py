"""The front door of the command line: find the verb, load only its module, run it."""

import difflib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from types import TracebackType

from quietmr._version import __version__


@dataclass(frozen=True)
class Verb:
    """A command: where it lives, what it does in one line."""

    module: str
    class_name: str
    summary: str


# The summaries are the first lines of the commands' docstrings; they stand here too so that help loads no command.
VERBS = {
    "denoise": Verb("quietmr.cli.denoise", "Denoise", "Take the noise out of scans."),
    "noise": Verb("quietmr.cli.noise", "Noise", "Measure the noise of scans."),
    "evaluate": Verb("quietmr.cli.evaluate", "Evaluate", "Measure what a denoiser did, with a truth or without."),
    "compare": Verb("quietmr.cli.compare", "Compare", "Compare methods on your own images, with noise added to them."),
    "report": Verb("quietmr.cli.report", "Report", "Show and test what a denoiser removed from a scan."),
    "view": Verb("quietmr.cli.view", "View", "Look at scans in the browser: before beside after, in 3-D."),
    "recon": Verb("quietmr.cli.recon", "Recon", "Make an image in SNR units from raw k-space."),
    "simulate": Verb("quietmr.cli.simulate", "Simulate", "Simulate a raw scan with known truth."),
    "models": Verb("quietmr.cli.models", "Models", "List the models, or show what is known about one."),
    "train": Verb("quietmr.cli.train", "Train", "Train a network by a recipe, or adapt one to your scans."),
    "demo": Verb("quietmr.cli.demo", "Demo", "Denoise a real scan that is already here."),
}

_HELP = """\
quietmr {version}: takes the noise out of MRI, and nothing else.

usage: quietmr COMMAND [arguments]

commands:
{verbs}

options:
  -h, --help   show this help and exit
  --version    show the version and exit

examples:
  quietmr denoise t1.nii.gz t1_quiet.nii.gz --figure t1.png
  quietmr denoise dicom_folder quiet_folder --report quiet.html
  quietmr noise t1.nii.gz
  quietmr evaluate t1.nii.gz t1_quiet.nii.gz
  quietmr report t1.nii.gz t1_quiet.nii.gz t1.html
  quietmr recon raw.h5 image.h5 --figure image.png

'quietmr COMMAND --help' tells more about a command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run quietmr.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process if left out.

    Returns
    -------
    int
        0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """
    if argv is None:
        _prepare_process()
    arguments = list(sys.argv[1:] if argv is None else argv)
    first = arguments[0] if arguments else "--help"
    if first in {"-h", "--help", "help"}:
        sys.stdout.write(_help())
        return 0
    if first == "--version":
        sys.stdout.write(f"quietmr {__version__}\n")
        return 0
    if first not in VERBS:
        sys.stderr.write(f"quietmr: {_unknown(first)}\n")
        return 2
    # Loaded here, so that help and version cost neither numpy nor the parser.
    failures, module = import_module("quietmr.cli.failures"), import_module(VERBS[first].module)
    code: int = failures.guarded(first, arguments[1:], getattr(module, VERBS[first].class_name))
    return code


def _help() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {name:<{width}}   {verb.summary}" for name, verb in VERBS.items())
    return _HELP.format(version=__version__, verbs=verbs)


def _unknown(word: str) -> str:
    kind = "option" if word.startswith("-") else "command"
    close = difflib.get_close_matches(word, VERBS, n=1)
    guess = f", did you mean '{close[0]}'?" if close else f"; commands are {', '.join(VERBS)}."
    return f"There is no {kind} '{word}'{guess}"


def _prepare_process() -> None:
    """Tell even mistakes in quietmr in one line, and print file names of any encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if "--debug" not in sys.argv:
        sys.excepthook = _mistake


def _mistake(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("quietmr: Interrupted.\n")
        return
    sys.stderr.write(
        f"quietmr: This is a mistake in quietmr ({kind.__name__}: {' '.join(str(error).split())}): "
        "run the command again with --debug, and report what it prints.\n"
    )
