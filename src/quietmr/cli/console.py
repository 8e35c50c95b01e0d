"""What is said on stdout (results) and on stderr (warnings, failures)."""

import json
import math
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from quietmr.cli.failures import report, sentence
from quietmr.data import QuietmrWarning


@dataclass(frozen=True)
class Outcome:
    """What came out of one scan: facts for programs (warnings among them), words for people."""

    facts: Mapping[str, Any]
    words: str


@dataclass(frozen=True)
class Console:
    """How much is said, and for whom.

    Parameters
    ----------
    json : bool
        One JSON object per scan and line on stdout instead of words.
    quiet : bool
        Nothing but failures.
    debug : bool
        Failures with traceback.
    """

    json: bool = False
    quiet: bool = False
    debug: bool = False

    def result(self, outcome: Outcome, *, named: bool) -> None:
        """Tell what came out; warnings go to stderr (with the name of the scan if asked), or are among the facts."""
        if self.json:
            self._emit(outcome.facts)
        elif not self.quiet:
            about = f"{outcome.facts['input']}: " if named else ""
            sys.stderr.writelines(f"quietmr: warning: {about}{text}\n" for text in outcome.facts["warnings"])
            sys.stdout.write(f"{outcome.words}\n")
        sys.stdout.flush()

    def failure(self, error: BaseException, scan: str, *, named: bool) -> None:
        """Tell what went wrong with one scan: on stderr, and with ``json`` on stdout too."""
        report(error, debug=self.debug, about=f"{scan}: " if named and scan not in sentence(error) else "")
        if self.json:
            self._emit({"input": scan, "error": sentence(error)})

    def _emit(self, facts: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(plain(facts), ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Collect quietmr's own warnings as sentences, each once; those of libraries do not concern the user."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", QuietmrWarning)
        try:
            yield texts
        finally:
            own = (
                " ".join(str(entry.message).split()) for entry in caught if issubclass(entry.category, QuietmrWarning)
            )
            texts += dict.fromkeys(own)


def plain(value: Any) -> Any:
    """Turn a value into what JSON can hold; numbers that are not finite become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
