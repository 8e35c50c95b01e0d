"""What a run can learn from: clean images, repeats, or noisy images alone."""

from typing import Literal, get_args

Lesson = Literal["supervised", "sure", "noise2noise", "neighbor2neighbor", "noise2void", "corruption2self"]
LESSONS: tuple[Lesson, ...] = get_args(Lesson)

# What they learn in air of magnitudes is nothing, and they have no other aim there than their parent.
NEED_PARENT = ("sure", "noise2noise")
# Rows and columns that a patch needs: the window of a blind spot, and a sub-image that a network can still look at.
SMALLEST_PATCH = {"noise2void": 5, "neighbor2neighbor": 8}


def lesson_of(loss: object) -> Lesson:
    """Tell what a loss of a recipe learns from; whatever is not a lesson of its own compares with clean images."""
    return next((lesson for lesson in LESSONS if loss == lesson), "supervised")
