"""Tables of the ablation in markdown, with paired tests.

A case counts once: its score is the mean over the seeds of an arm. Two arms are compared case by case (paired t-test,
Wilcoxon signed-rank test, effect size d = mean / SD of the differences); p-values are corrected by Holm's method over
all comparisons of a table. They speak of other images for these trained networks; what other seeds would do, the
differences of the single seeds show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ablation_arms import ABLATED, ARMS, NETWORKS, PAIRS, PROPOSED
from ablation_runs import Record, SetScores
from numpy.typing import NDArray
from scipy import stats
from tables import markdown

Key = tuple[str, str]
_SMALLEST_P = 1e-4


def report(records: Sequence[Record], references: Mapping[str, SetScores]) -> str:
    """All tables; arms and networks without a finished run are left out."""
    if not records:
        return "No run has ended yet."
    runs: dict[Key, list[Record]] = {}
    for record in records:
        runs.setdefault((record.network, record.arm), []).append(record)
    sets = list(records[0].scores)
    seeds = sorted({len(found) for found in runs.values()})
    cases = len(records[0].scores[sets[0]])
    about = f"{records[0].steps} steps a run, {' to '.join(map(str, seeds))} seeds, {cases} cases in each set."
    parts = [about, "#### Cost", costs(runs)]
    for name in sets:
        parts += [f"#### {name}", scores(runs, references, name)]
    parts += ["#### Proposed against the other arms", compared(runs, sets, _arm_pairs())]
    parts += ["#### Networks, proposed arm", compared(runs, sets, _network_pairs())]
    return "\n\n".join(parts) + "\n"


def costs(runs: Mapping[Key, Sequence[Record]]) -> str:
    """Weights and CPU seconds of each network, proposed arm."""
    lines = []
    for network in NETWORKS:
        found = runs.get((network, PROPOSED), ())
        known = [record.cpu_s for record in found if record.cpu_s is not None]
        if found:
            lines.append([network, f"{found[0].parameters:,}", f"{np.mean(known):.0f}" if known else "-"])
    return markdown(["network", "weights", "CPU s a run"], lines)


def scores(runs: Mapping[Key, Sequence[Record]], references: Mapping[str, SetScores], name: str) -> str:
    """Scores of everything on one set, with the order of the arms of each network by PSNR."""
    lines = [
        [label, "", *_means([[getattr(s, key) for s in found[name]] for key in _SCORES]), ""]
        for label, found in references.items()
    ]
    for network in NETWORKS:
        for arm in ARMS:
            found = runs.get((network, arm), ())
            if found:
                table = [_values(found, name, key) for key in _SCORES]
                lines.append([network, arm, *_means([_over_seeds(t) for t in table]), _seed_sd(table[1])])
    head = ["network", "arm", "PSNR, MAX 2048", "PSNR", "SSIM", "gain", "complex gain", "SD over seeds"]
    orders = [f"{network}: {_order(runs, network, name)}." for network in ABLATED if (network, PROPOSED) in runs]
    return "\n\n".join([markdown(head, lines), "By PSNR, best first. " + " ".join(orders)])


_SCORES = {"psnr_2048": ".2f", "psnr": ".2f", "ssim": ".4f", "gain": "+.2f", "complex_gain": "+.2f"}


def _means(values: Sequence[Sequence[float | None]]) -> list[str]:
    forms = list(_SCORES.values())
    return [
        "-" if any(v is None for v in row) else f"{np.mean([v for v in row if v is not None]):{form}}"
        for row, form in zip(values, forms, strict=True)
    ]


def _order(runs: Mapping[Key, Sequence[Record]], network: str, name: str) -> str:
    found = {arm: float(np.mean(_values(runs[network, arm], name, "psnr"))) for arm in ARMS if (network, arm) in runs}
    return " > ".join(sorted(found, key=lambda arm: -found[arm]))


def _values(found: Sequence[Record], name: str, key: str) -> NDArray[np.object_]:
    """(seeds, cases)."""
    return np.array([[getattr(s, key) for s in record.scores[name]] for record in found], dtype=object)


def _over_seeds(values: NDArray[np.object_]) -> list[float | None]:
    return [None if None in list(case) else float(np.mean(case.astype(float))) for case in values.T]


def _seed_sd(values: NDArray[np.object_]) -> str:
    return f"{values.astype(float).mean(1).std(ddof=1):.2f}" if len(values) > 1 else "-"


def _arm_pairs() -> list[tuple[Key, Key, str]]:
    return [
        ((network, PROPOSED), (network, arm), f"{network}: proposed - {arm}")
        for network in ABLATED
        for arm in ARMS
        if arm != PROPOSED
    ]


def _network_pairs() -> list[tuple[Key, Key, str]]:
    return [((a, PROPOSED), (b, PROPOSED), f"({a}) - ({b}): {shows}") for a, b, shows in PAIRS]


@dataclass(frozen=True)
class Paired:
    """Two methods on the same cases: mean difference, that of each seed, effect size, p of both tests."""

    difference: float
    by_seed: tuple[float, ...]
    effect: float
    t: float
    wilcoxon: float


def paired(a: NDArray[np.float64], b: NDArray[np.float64]) -> Paired:
    """Compare (seeds, cases) with (seeds, cases) of the same seeds."""
    cases = (a - b).mean(0)
    spread = float(cases.std(ddof=1))
    equal = not cases.any()
    return Paired(
        difference=float(cases.mean()),
        by_seed=tuple(float(d) for d in (a - b).mean(1)),
        effect=float(cases.mean() / spread) if spread > 0 else 0.0,
        t=1.0 if equal else float(stats.ttest_1samp(cases, 0.0).pvalue),
        wilcoxon=1.0 if equal else float(stats.wilcoxon(cases).pvalue),
    )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's correction: the k-th smallest of n is multiplied by n - k + 1, and none is smaller than one before it."""
    corrected, highest = [0.0] * len(p), 0.0
    for k, i in enumerate(np.argsort(p, kind="stable")):
        highest = max(highest, min(1.0, (len(p) - k) * p[i]))
        corrected[i] = highest
    return corrected


def compared(runs: Mapping[Key, Sequence[Record]], sets: Sequence[str], pairs: Sequence[tuple[Key, Key, str]]) -> str:
    """Table of paired tests: PSNR and SSIM, of every pair on every set."""
    known = [(name, pair) for name in sets for pair in pairs if pair[0] in runs and pair[1] in runs]
    if not known:
        return "Not run yet."
    found = {key: [_compare(runs, name, pair, key) for name, pair in known] for key in ("psnr", "ssim")}
    psnr, ssim = found["psnr"], found["ssim"]
    columns = [_corrected(part, test) for part in (psnr, ssim) for test in (_t, _wilcoxon)]
    lines = []
    for i, (name, (_, _, label)) in enumerate(known):
        seeds = ", ".join(f"{d:+.2f}" for d in psnr[i].by_seed)
        line = [name, label, f"{psnr[i].difference:+.2f} ({seeds})", f"{psnr[i].effect:+.1f}"]
        line += [columns[0][i], columns[1][i], f"{ssim[i].difference:+.4f}", f"{ssim[i].effect:+.1f}"]
        lines.append([*line, columns[2][i], columns[3][i]])
    head = ["set", "difference", "PSNR, dB (by seed)", "d", "p (t)", "p (W)", "SSIM", "d", "p (t)", "p (W)"]
    return markdown(head, lines)


def _compare(runs: Mapping[Key, Sequence[Record]], name: str, pair: tuple[Key, Key, str], key: str) -> Paired:
    one, other = ({record.seed: record for record in runs[k]} for k in pair[:2])
    seeds = sorted(set(one) & set(other))
    a, b = (_values([found[s] for s in seeds], name, key).astype(float) for found in (one, other))
    return paired(a, b)


def _t(found: Paired) -> float:
    return found.t


def _wilcoxon(found: Paired) -> float:
    return found.wilcoxon


def _corrected(found: Sequence[Paired], test: Callable[[Paired], float]) -> list[str]:
    return [f"{p:.4f}" if p >= _SMALLEST_P else "< 0.0001" for p in holm([test(pair) for pair in found])]
