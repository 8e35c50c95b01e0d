"""What the card of a network says that a GAN step has trained."""

from quietmr.models import ORIGINS
from quietmr.training.gan.recipe import term_weights
from quietmr.training.paper_card import license_of, sources
from quietmr.training.recipe import Recipe

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
    scans = f"{', '.join(recipe.gan.noisy)} (noisy) and {', '.join(recipe.gan.clean)} (clean)"
    perceptual = any(name.startswith("perceptual") for name in term_weights(recipe))
    remark = f"; {_PERCEPTUAL[recipe.gan.features]}" if perceptual else ""
    return {
        "label": origin.label,
        "description": f"{origin.description} ({origin.paper}){remark}.",
        "license": license_of(recipe),
        "data": f"Unpaired images of different people: {'; '.join(sources(recipe, scans))}.",
        "intended_use": "Comparison with other methods. Not a medical device.",
        "limits": LIMITS,
    }
