"""The safety gate of training on a user's scans: weights become a model only if they are better than what was there."""

from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from quietmr.models import Card, build_architecture
from quietmr.training.held_out import Verdict, compare, draw_held_out
from quietmr.training.paper_card import is_usable, paper_texts
from quietmr.training.parent import Parent, adapted, load_parent
from quietmr.training.publish import publish, rounded
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import BEST
from quietmr.training.tissue_units import in_tissue_units

_TAUGHT_BY = {
    "supervised": "clean scans of the user with added noise",
    "complex": "complex scans of the user, or magnitudes with drawn phase, with added noise of MR reconstructions",
    "sure": "noisy scans of the user, without clean references (Stein's unbiased risk estimate)",
    "noise2noise": "repeated noisy scans of the user, without clean references (Noise2Noise)",
    "neighbor2neighbor": "noisy scans of the user, without clean references (Neighbor2Neighbor)",
    "noise2void": "noisy scans of the user, without clean references (Noise2Void)",
    "corruption2self": "noisy scans of the user, without clean references (Corruption2Self)",
}


class Untouched(nn.Module):
    """What a network has to beat that came from nothing: the noisy image as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)  # tells the device, as weights do

    def forward(self, x: Tensor) -> Tensor:
        """Drop the noise map."""
        return x[:, :-1]


def adopt(recipe: Recipe, folder: Path) -> tuple[Verdict | None, Path | None]:
    """Compare the best weights of a run with their parent, or the untouched image, and publish them if they are better.

    Both denoise parts of the user's scans by which nothing was trained and nothing was chosen.

    Parameters
    ----------
    recipe : Recipe
        That of the run; it holds a part of its scans out.
    folder : Path
        Run folder. Gets the model (weights and card) if it is better.

    Returns
    -------
    verdict : Verdict or None
        None if no checkpoint ever beat the parent while training.
    model : Path or None
        The new weights file; None if the parent, or the untouched image, stays.

    Raises
    ------
    ModelError, InputError
        If parent or scans have gone since.
    """
    if not (folder / BEST).exists():
        return None, None
    parent = load_parent(recipe)
    before = parent.network if parent else Untouched()
    recipe = adapted(recipe, parent)
    tuned = build_architecture(recipe.network.architecture, **recipe.network.arguments)
    # As they will be published.
    tuned.load_state_dict(rounded(load_file(folder / BEST), tuned))
    _, gate = draw_held_out(recipe, before)
    verdict = compare(in_tissue_units(before, recipe.white), in_tissue_units(tuned, recipe.white), gate)
    if not verdict.improved:
        return verdict, None
    card = publish(folder, folder, _texts(recipe, parent), {"held_out_parts_of_the_scans": asdict(verdict)})
    return verdict, folder / card.file


def publish_trained(recipe: Recipe, folder: Path) -> Card | None:
    """Make a model of a run that began with random weights and saw clean images: nothing has to be beaten.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Run folder. Gets the model.

    Returns
    -------
    Card or None
        None if no validation gave a number, or images cannot be brought to the intensities of training.
    """
    if not (folder / BEST).exists() or not is_usable(recipe):
        return None
    return publish(folder, folder, paper_texts(recipe), {})


def _texts(recipe: Recipe, parent: Parent | None) -> dict[str, str]:
    own = recipe.scans.license or "not stated"
    taught = _TAUGHT_BY["complex" if recipe.channels == "complex" else recipe.lesson]
    if parent is None:
        return {
            "label": "self-supervised",
            "description": f"{recipe.network.architecture}, trained from random weights on {taught}.",
            "license": f"Scans: {own}.",
            "data": f"{taught[0].upper()}{taught[1:]}; license: {own}.",
            "intended_use": "The scans it was trained on. Not a medical device.",
            "limits": "Other scans may be denoised worse than by a shipped model, or harmed.",
        }
    origin = parent.card
    kept = f" Unchanged weights: {', '.join(recipe.freeze)}." if recipe.freeze else ""
    return {
        "label": "fine-tuned",
        "description": f"{parent.name}, fine-tuned on {taught}.{kept}",
        "license": f"Weights it came from: {origin.license if origin else 'unknown'}. Scans: {own}.",
        "data": f"{origin.data if origin else 'Unknown.'} Then {taught}; license: {own}.",
        "intended_use": "Scans like those it was fine-tuned on. Not a medical device.",
        "limits": (origin.limits if origin else "Unknown.") + " Other scans may be denoised worse than by the parent.",
    }
