"""What the card of a network says that a GAN step has trained."""

from quietmr.models import ORIGINS
from quietmr.training.gan.recipe import term_weights
from quietmr.training.recipe import Recipe

CONVENTION = (
    "Blind: no noise level is told. Magnitudes (Rician law) divided by {white:g} times the brightest tissue, cut at 1."
)
LIMITS = (
    "Generative: its output may show structure that is not in the scan, or lack what is. Look at what it took away and "
    "added (scan minus result). Never for a diagnosis. Intensities may be shifted, above all with instance norm."
)
_PERCEPTUAL = {
    "edges": "perceptual terms: blurred edges, not the paper's",
    "vgg16": "perceptual terms: VGG16, for the paper names no network",
}


def gan_texts(recipe: Recipe) -> dict[str, str]:
    """Texts of the card (:func:`quietmr.training.publish.publish`)."""
    origin = ORIGINS[recipe.network.architecture]
    own = recipe.scans.license or "not stated"
    scans = f"{', '.join(recipe.gan.noisy)} (noisy) and {', '.join(recipe.gan.clean)} (clean), license: {own}"
    sources = ([scans] if recipe.scans.share > 0 else []) + (["procedural scenes"] if recipe.scans.share < 1 else [])
    perceptual = any(name.startswith("perceptual") for name in term_weights(recipe))
    remark = f"; {_PERCEPTUAL[recipe.gan.features]}" if perceptual else ""
    return {
        "label": origin.label,
        "description": f"{origin.description} ({origin.paper}){remark}.",
        "license": f"Up to whoever trained it. Scans: {own}."
        if recipe.scans.share > 0
        else "Up to whoever trained it.",
        "data": f"Unpaired images of different people: {'; '.join(sources)}.",
        "intended_use": "Comparison with other methods. Not a medical device.",
        "limits": LIMITS,
    }
