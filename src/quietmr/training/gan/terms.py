"""What generators and discriminators minimize, term by term: images (N, 1, Y, X), scores as discriminators give."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from quietmr.training.vgg import Vgg16Features

Judge = Callable[[Tensor, bool], Tensor]
Likeness = Callable[[Tensor, Tensor], Tensor]

# conv3_3: the third block, where UID-GAN taps its VGG19.
_BLOCK = 2
_SCALES = 3


def least_squares(scores: Tensor, is_real: bool) -> Tensor:  # noqa: FBT001 - the label itself
    """Mean squared distance of scores from 1 (real) or 0 (made): LSGAN (Mao et al. 2017), as CycleGAN has it."""
    return (scores - float(is_real)).square().mean()


def cross_entropy(scores: Tensor, is_real: bool) -> Tensor:  # noqa: FBT001 - the label itself
    """Mean binary cross-entropy of logits with the label real or made (Goodfellow et al. 2014), as UID-GAN has it."""
    return functional.softplus(-scores if is_real else scores).mean()


def judged(scores: Tensor | Sequence[Tensor], judge: Judge, *, is_real: bool) -> Tensor:
    """Add up over scales how far scores are from a label."""
    scales = [scores] if isinstance(scores, Tensor) else list(scores)
    return torch.stack([judge(scale, is_real) for scale in scales]).sum()


def told_apart(real: Tensor | Sequence[Tensor], made: Tensor | Sequence[Tensor], judge: Judge) -> Tensor:
    """Half of what a discriminator minimizes for real and for made images, together."""
    return (judged(real, judge, is_real=True) + judged(made, judge, is_real=False)) / 2


def distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference: cycle, identity and self-reconstruction."""
    return (one - other).abs().mean()


def blurred_edges(one: Tensor, other: Tensor) -> Tensor:
    """Compare blurred images and their edges at three scales: ours, not the paper's perceptual term.

    It stands in where no weights of a VGG are at hand. At each scale both images are halved by means over 2 x 2 pixels
    (which takes most of the noise away), then compared pixel by pixel and by first differences.

    Parameters
    ----------
    one, other : Tensor, shape (N, 1, Y, X)
        Y and X of at least 16.

    Returns
    -------
    Tensor, scalar
        In the units of the images.
    """
    error = one - other
    found = []
    for _ in range(_SCALES):
        error = functional.avg_pool2d(error, 2)
        slopes = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        found.append(error.abs().mean() + slopes)
    return torch.stack(found).mean()


def feature_distance(one: Tensor, other: Tensor, features: Vgg16Features) -> Tensor:
    """Mean squared difference of VGG16 features of the third block (UID-GAN: VGG19, conv3_3; the paper names none).

    Parameters
    ----------
    one, other : Tensor, shape (N, 1, Y, X)
        From -1 to 1.
    features : Vgg16Features
        Moved to the device of the images.
    """
    features = features.to(one.device)
    found, wanted = (features.forward((image + 1) / 2)[_BLOCK] for image in (one, other))
    return (found - wanted).square().mean()
