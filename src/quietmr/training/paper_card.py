"""What the card of a network says that was trained from random weights on clean images."""

from inspect import signature
from pathlib import Path

from quietmr.models import ARCHITECTURES, ORIGINS
from quietmr.noise.synthesis import NoiseLaw
from quietmr.training.recipe import Recipe

_IMAGES = {
    "magnitude": "magnitude images (Rician law)",
    "complex": "complex images as real and imaginary part (Gaussian law)",
}
# Without biases and norms, f(c x, c sigma) = c f(x, sigma) exactly: tests/training/test_publish.py.
HOMOGENEOUS = ("unet3d", "drunet")
_TOLD = "The last input channel is sigma, the noise standard deviation per real channel, in the units of the image"
_BLIND = "Blind: no noise level is told"


def noise_convention(recipe: Recipe) -> str:
    """Say what a network sees of the noise, and what its images are divided by."""
    images = _IMAGES[recipe.channels]
    told = _TOLD if _is_told(recipe) else _BLIND
    if recipe.white is not None:
        unit = (
            f"divided by {recipe.white:g} times the brightest tissue (99th percentile of the foreground), cut at 1; "
            "what is brighter stays as it is"
        )
    elif _is_homogeneous(recipe):
        unit = "exactly homogeneous of degree one in (image, sigma)"
    else:
        unit = "divided by the noise level"
    return f"{told}; {images}; {unit}."


def paper_texts(recipe: Recipe) -> dict[str, str]:
    """Texts of the card (:func:`quietmr.training.publish.publish`) of a network of :data:`ORIGINS`."""
    origin = ORIGINS[recipe.network.architecture]
    arguments = ", ".join(f"{key}={value}" for key, value in recipe.network.arguments.items())
    changed = f", with {arguments}" if arguments else ""
    parts = recipe.loss_weights
    losses = " + ".join(f"{weight:g} {name}" if len(parts) > 1 else name for name, weight in parts.items())
    return {
        "label": origin.label,
        "description": f"{origin.description} ({origin.paper}){changed}; loss: {losses}.",
        "license": license_of(recipe),
        "data": f"{'; '.join(sources(recipe, _files(recipe)))}.",
        "intended_use": "Comparison with other methods, and scans like those it was trained on. Not a medical device.",
        "limits": " ".join(_limits(recipe)),
    }


def license_of(recipe: Recipe) -> str:
    """Whose weights they are."""
    own = recipe.scans.license or "not stated"
    return f"Up to whoever trained it. Scans: {own}." if recipe.scans.share > 0 else "Up to whoever trained it."


def sources(recipe: Recipe, files: str) -> list[str]:
    """List what a network was trained on: scans (``files`` says which), procedural scenes."""
    own = recipe.scans.license or "not stated"
    scans = [f"{files}, license: {own}"] if recipe.scans.share > 0 else []
    return scans + (["procedural scenes"] if recipe.scans.share < 1 else [])


def is_usable(recipe: Recipe) -> bool:
    """Whether images can be brought to the intensities that training showed, so that a model can be made of a run."""
    return recipe.white is not None or recipe.channels == "complex" or _is_homogeneous(recipe)


def _files(recipe: Recipe) -> str:
    where = Path(recipe.scans.folder).name  # a card tells nobody how a disk is laid out
    names = ", ".join(recipe.scans.files)
    return f"Clean scans with added noise ({where}{': ' if names else ''}{names})"


def _limits(recipe: Recipe) -> list[str]:
    texts = []
    if not _is_homogeneous(recipe):
        unit = "noise level" if recipe.white is None else "brightest tissue"
        texts.append(f"Not homogeneous: its result depends on the {unit} that is found in the image.")
    if recipe.channels == "magnitude":
        law = NoiseLaw(**recipe.noise)
        kinds = ["white", *(["filtered"] if law.filtered > 0 else [])]
        places = ["uniform", *(["varying"] if law.varying > 0 else [])]
        texts.append(
            f"Trained for {' and '.join(kinds)}, {' and '.join(places)} Rician noise of {100 * law.lowest:g} to "
            f"{100 * law.highest:g} % of the brightest tissue; biased at levels and kinds that it never saw."
        )
    else:
        texts.append("Biased at noise levels and kinds that it never saw.")
    if ORIGINS[recipe.network.architecture].dimensions == "2-D":
        texts.append("2-D: it does not see neighboring slices or frames.")
    return texts


def _is_homogeneous(recipe: Recipe) -> bool:
    return recipe.network.architecture in HOMOGENEOUS


def _is_told(recipe: Recipe) -> bool:
    known = signature(ARCHITECTURES[recipe.network.architecture]).parameters
    n_in, n_out = (recipe.network.arguments.get(key, known[key].default) for key in ("in_channels", "out_channels"))
    return bool(n_in > n_out)
