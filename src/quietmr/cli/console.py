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

    def result(self, facts: Mapping[str, Any], words: str) -> None:
        """Tell what came out: the facts for programs, or the words for people."""
        if self.json:
            sys.stdout.write(json.dumps(plain(facts), ensure_ascii=False, allow_nan=False) + "\n")
        elif not self.quiet:
            sys.stdout.write(words + "\n")
        sys.stdout.flush()

    def failure(self, error: BaseException, scan: str, *, named: bool) -> None:
        """Tell what went wrong with one scan: on stderr, and with ``json`` on stdout too."""
        report(error, debug=self.debug, about=f"{scan}: " if named and scan not in sentence(error) else "")
        if self.json:
            self.result({"input": scan, "error": sentence(error)}, "")

    def warn(self, texts: list[str]) -> None:
        """Tell warnings; with ``json`` they are among the facts."""
        if not self.quiet and not self.json:
            for text in texts:
                sys.stderr.write(f"quietmr: warning: {text}\n")


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
