"""What ``quietmr compare`` says at its end."""

import math

from quietmr.evaluate.compare.folder import FIGURE, ROWS, TABLE, Folder
from quietmr.evaluate.compare.plan import Plan
from quietmr.evaluate.compare.summary import Results
from quietmr.evaluate.compare.table import doubts, order


def told(folder: Folder, plan: Plan, results: Results) -> str:
    """Means over all noise, best first, and where the rest lies."""
    grid = plan.grid
    width = max(map(len, [*grid.methods, "method"]))
    lines = [f"{'method':<{width}}   PSNR dB     SSIM   CPU s/Mvoxel"]
    complete = results.complete
    for name in order(results, "psnr"):
        psnr, ssim = results.spread(name, "psnr"), results.spread(name, "ssim")
        if not psnr.n:
            lines.append(f"{name:<{width}}   failed")
            continue
        cost = results.costs(name).cpu_s
        gap = "" if name in complete else "   incomplete"
        seconds = f"{cost:14.2f}" if math.isfinite(cost) else f"{'-':>14}"
        lines.append(f"{name:<{width}}   {psnr.mean:7.2f}   {ssim.mean:6.4f} {seconds}{gap}")
    noise = ", ".join(f"{level:g}" for level in grid.levels)
    about = (
        f"{len(grid.images)} image{'s' * (len(grid.images) > 1)}, {', '.join(grid.kinds)} noise of {noise} %; "
        f"{results.done} of {grid.size} results, means over all of them:"
    )
    return "\n".join([about, "", *lines, "", f"In {folder.path}: {TABLE}, {FIGURE}, {ROWS}."]) + "\n"


def told_warnings(plan: Plan) -> str:
    """Tell what must be known of the clean images."""
    return "".join(f"quietmr: warning: {text}\n" for text in doubts(plan))


def told_failures(results: Results, *, debug: bool) -> str:
    """Who failed, how often and why: the first reason of each; all text of it where tracebacks are wanted."""
    text = ""
    for name in results.grid.methods:
        own = [row for row in results.failures if row.method == name]
        if own:
            reason = own[0].reason if debug else " ".join(own[0].reason.split())
            text += f"quietmr: {name} failed on {len(own)} noisy images, the first ({own[0].condition}): {reason}\n"
    return text
