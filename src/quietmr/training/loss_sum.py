"""Names of the losses that compare with clean images, and their weighted sum."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor

from quietmr.data import InputError
from quietmr.training.edge_losses import gradient, mixed_derivative
from quietmr.training.losses import log_charbonnier
from quietmr.training.perceptual import perceptual, vgg_relu2_2
from quietmr.training.pixel_losses import charbonnier, l1, mse, peak_l1, peak_mse, perpendicular, phase_distance
from quietmr.training.similarity import ssim, ssim3d
from quietmr.training.vgg import Vgg16Features

Term = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """One loss.

    Attributes
    ----------
    function : callable
        Takes output and target, shape (B, C, F, Y, X), and what ``needs`` says; gives a scalar.
    unit : str
        Of its value.
    direction : {"lower", "higher"}
        Which values are better.
    needs : {"", "sigma", "features"}
        What else it takes: the noise map, or VGG16. Functions that do not take the noise map get images in noise units.
    is_complex : bool
        Whether it compares phases, and makes no sense for magnitudes.
    """

    function: Callable[..., Tensor]
    unit: str
    direction: Literal["lower", "higher"] = "lower"
    needs: Literal["", "sigma", "features"] = ""
    is_complex: bool = False


LOSSES: Mapping[str, Loss] = {
    "log_charbonnier": Loss(log_charbonnier, "natural logarithm of noise SDs", needs="sigma"),
    "charbonnier": Loss(charbonnier, "noise SDs"),
    "mse": Loss(mse, "squared noise SDs"),
    "l1": Loss(l1, "noise SDs"),
    "peak_mse": Loss(peak_mse, "squared parts of the brightest voxel"),
    "peak_l1": Loss(peak_l1, "parts of the brightest voxel"),
    "phase_distance": Loss(phase_distance, "noise SDs", is_complex=True),
    "perpendicular": Loss(perpendicular, "noise SDs", is_complex=True),
    "gradient": Loss(gradient, "noise SDs per voxel"),
    "mixed_derivative": Loss(mixed_derivative, "noise SDs"),
    "ssim": Loss(ssim, "1 - SSIM"),
    "ssim3d": Loss(ssim3d, "1 - SSIM"),
    "perceptual": Loss(perceptual, "VGG16 feature", needs="features"),
    "vgg_relu2_2": Loss(vgg_relu2_2, "VGG16 feature", needs="features"),
}


# Sums that papers minimize (Umair, Hamid 2025; the weights of the second and third, which it does not give, are ours).
SUMS: Mapping[str, Mapping[str, float]] = {
    "mse_ssim": {"peak_mse": 0.8, "ssim": 0.2},
    "ssim_l1": {"peak_l1": 1.0, "ssim": 0.2},
    "ssim_l1_vgg": {"peak_l1": 1.0, "ssim": 0.2, "vgg_relu2_2": 0.01},
}


@dataclass(frozen=True)
class LossSum:
    """Weighted sum of losses.

    Attributes
    ----------
    terms : tuple of (float, callable)
        Weights, and functions of output, target and noise map.
    """

    terms: tuple[tuple[float, Term], ...]

    def __call__(self, output: Tensor, target: Tensor, sigma: Tensor) -> Tensor:
        """Compare.

        Parameters
        ----------
        output, target : Tensor, shape (B, C, F, Y, X)
            C is 1 (magnitude) or 2 (real, imaginary).
        sigma : Tensor, shape (B, 1, F, Y, X)
            Noise SD per real channel, in the units of the images: scaling all three changes nothing.

        Returns
        -------
        Tensor, scalar
        """
        (weight, term), *more = self.terms
        total = weight * term(output, target, sigma)
        for weight, term in more:
            total = total + weight * term(output, target, sigma)
        return total


def make_loss(weights: Mapping[str, float], load_features: Callable[[], Vgg16Features]) -> LossSum:
    """Make a weighted sum of losses.

    Parameters
    ----------
    weights : mapping
        Weights above 0 by name (:data:`LOSSES`).
    load_features : callable
        Loads VGG16; called once if a loss needs it.

    Raises
    ------
    InputError
        If there is no such loss, no loss at all, or a weight is not above 0.
    ModelError
        If VGG16 is needed and not there.
    """
    check_losses(weights)
    return LossSum(tuple((weight, _term(LOSSES[name], load_features)) for name, weight in weights.items()))


def check_losses(weights: Mapping[str, float]) -> None:
    """Refuse unknown names and weights that are not above 0.

    Raises
    ------
    InputError
    """
    if not weights:
        raise InputError("A sum of losses needs at least one, such as {charbonnier: 1.0}.")
    for name, weight in weights.items():
        if name not in LOSSES:
            raise InputError(f"There is no loss '{name}'; a sum may hold {', '.join(LOSSES)}.")
        if not 0 < weight < float("inf"):
            raise InputError(f"The weight of the loss '{name}' is {weight}: give a number above 0.")


def _term(loss: Loss, load_features: Callable[[], Vgg16Features]) -> Term:
    if loss.needs == "sigma":
        return loss.function
    if loss.needs == "features":
        return partial(_in_noise_units, partial(loss.function, features=load_features()))
    return partial(_in_noise_units, loss.function)


def _in_noise_units(
    function: Callable[[Tensor, Tensor], Tensor], output: Tensor, target: Tensor, sigma: Tensor
) -> Tensor:
    """Divide each sample by its median noise SD: one number, so that a map of the noise makes no edges."""
    unit = typical_noise(sigma)
    return function(output / unit, target / unit)


def typical_noise(sigma: Tensor) -> Tensor:
    """Median of the noise map of each sample: (B, 1, F, Y, X) to (B, 1, 1, 1, 1)."""
    # Contiguous, because torch's median of an expanded tensor is wrong on CPUs.
    return sigma.flatten(1).contiguous().median(1).values.reshape(-1, 1, 1, 1, 1)
