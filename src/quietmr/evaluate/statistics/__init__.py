"""Statistics of paired values: which method is better, by how much, and how sure that is."""

from quietmr.evaluate.statistics.bootstrap import bootstrap_interval
from quietmr.evaluate.statistics.holm import holm
from quietmr.evaluate.statistics.many import AgainstReference, compare_with
from quietmr.evaluate.statistics.paired import PairedComparison, paired_comparison
from quietmr.evaluate.statistics.summary import Interval, interval_from_sd, interval_from_t

__all__ = [
    "AgainstReference",
    "Interval",
    "PairedComparison",
    "bootstrap_interval",
    "compare_with",
    "holm",
    "interval_from_sd",
    "interval_from_t",
    "paired_comparison",
]
