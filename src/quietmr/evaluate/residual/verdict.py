"""What the single tests say together."""

from quietmr.evaluate.residual import limits
from quietmr.evaluate.residual.findings import Finding, Verdict


def judge(tests: dict[str, Finding], slope: float) -> tuple[Verdict, str]:
    """Give the answer in two words, and in one or two sentences.

    Parameters
    ----------
    tests : dict of str to Finding
        From `single_tests.all_tests`.
    slope : float
        Slope of the residual against fine detail: its sign tells what was removed from what was added.
    """
    edges, fine, added = (tests[name].passed is False for name in ("edges", "fine", "added"))
    sharper = tests["slope"].passed is False and slope < 0
    blurred = tests["slope"].passed is False and slope > 0
    if sharper or (added and (slope <= 0 or not edges)):
        return "structure added", (
            "The denoised image holds structure that the noisy image does not support, beyond what noise explains; "
            "look at the map before trusting small details."
        )
    if edges or fine or blurred or tests["size"].value > limits.FAR_TOO_MUCH:
        return "structure removed", (
            "Besides noise, structure was removed: the residual shows the anatomy. Small details may be weaker or gone."
        )
    return "only noise", "What was removed is noise, as far as these tests can see: no anatomy shows in the residual."


NOTHING_REMOVED = "The denoised image is next to the noisy one: hardly any noise was removed."
FILTERED_BEFORE = (
    "The image had been filtered, interpolated or denoised before (the finest detail of its noise has {:.0%} of the "
    "power of coarser detail), so that its noise looks like structure: nothing is claimed."
)
