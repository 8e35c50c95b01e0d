"""The safety gate of fine-tuning: weights become a model only if they are better than those they came from."""

from dataclasses import asdict
from pathlib import Path

from safetensors.torch import load_file

from quietmr.models import build_architecture
from quietmr.training.held_out import Verdict, compare, draw_held_out
from quietmr.training.parent import Parent, adapted, load_parent
from quietmr.training.publish import publish
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import BEST

_TAUGHT_BY = {
    "supervised": "clean scans of the user with added noise",
    "complex": "complex scans of the user, or magnitudes with drawn phase, with added noise of MR reconstructions",
    "sure": "noisy scans of the user, without clean references (Stein's unbiased risk estimate)",
    "noise2noise": "repeated noisy scans of the user, without clean references (Noise2Noise)",
}


def adopt(recipe: Recipe, folder: Path) -> tuple[Verdict | None, Path | None]:
    """Compare the best weights of a fine-tuning with their parent, and publish them if they are better.

    Both denoise parts of the user's scans by which nothing was trained and nothing was chosen.

    Parameters
    ----------
    recipe : Recipe
        That of the run; it starts from a model and holds a part of its scans out.
    folder : Path
        Run folder. Gets the model (weights and card) if it is better.

    Returns
    -------
    verdict : Verdict or None
        None if no checkpoint ever beat the parent while training.
    model : Path or None
        The new weights file; None if the parent stays.

    Raises
    ------
    ModelError, InputError
        If parent or scans have gone since.
    """
    if not (folder / BEST).exists():
        return None, None
    parent = load_parent(recipe)
    assert parent is not None, "a fine-tuning has a parent"
    recipe = adapted(recipe, parent)
    tuned = build_architecture(recipe.network.architecture, **recipe.network.arguments)
    # As they will be published: rounded to float16.
    tuned.load_state_dict({key: value.half().float() for key, value in load_file(folder / BEST).items()})
    _, gate = draw_held_out(recipe, parent.network)
    verdict = compare(parent.network, tuned, gate)
    if not verdict.improved:
        return verdict, None
    card = publish(folder, folder, _texts(recipe, parent), {"held_out_parts_of_the_scans": asdict(verdict)})
    return verdict, folder / card.file


def _texts(recipe: Recipe, parent: Parent) -> dict[str, str]:
    origin = parent.card
    own = recipe.scans.license or "not stated"
    taught = _TAUGHT_BY["complex" if recipe.channels == "complex" else recipe.lesson]
    kept = f" Unchanged weights: {', '.join(recipe.freeze)}." if recipe.freeze else ""
    return {
        "label": "fine-tuned",
        "description": f"{parent.name}, fine-tuned on {taught}.{kept}",
        "license": f"Weights it came from: {origin.license if origin else 'unknown'}. Scans: {own}.",
        "data": f"{origin.data if origin else 'Unknown.'} Then {taught}; license: {own}.",
        "intended_use": "Scans like those it was fine-tuned on. Not a medical device.",
        "limits": (origin.limits if origin else "Unknown.") + " Other scans may be denoised worse than by the parent.",
    }
