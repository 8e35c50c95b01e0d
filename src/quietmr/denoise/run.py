"""The front door: denoise any image with any method."""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from quietmr.data import Image, InputError, ModelError, NoiseMap, QuietmrWarning, Step, mask_over
from quietmr.denoise.channels import is_for_complex
from quietmr.denoise.classical import CLASSICAL
from quietmr.denoise.contract import Denoiser
from quietmr.denoise.engines import DEFAULT_ENGINE, check_engine
from quietmr.denoise.names import match_names
from quietmr.denoise.network import NetworkDenoiser
from quietmr.denoise.planes import PlaneDenoiser
from quietmr.denoise.presets import PRESETS
from quietmr.denoise.second_stage import GuidedDenoiser
from quietmr.models import ARCHITECTURES, ORIGINS, is_model_path, list_models, load_card
from quietmr.noise import estimate_noise
from quietmr.signal.finite import fill_nonfinite

DEFAULT_MODEL = "quiet"
# Published 3-D networks hold up to 6 kB for each voxel of a tile, for all their layers have full resolution.
_WIDE_TILE = 2**20


def list_denoisers(pattern: str = "*") -> list[str]:
    """Names of all methods, presets and trained networks first, that match a shell-style pattern."""
    ours = sorted({*match_names(PRESETS, pattern), *match_names(list_models(), pattern)})
    return [*ours, *match_names(CLASSICAL, pattern)]


def create_denoiser(
    name: str = DEFAULT_MODEL,
    *,
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
    engine: str = DEFAULT_ENGINE,
) -> Denoiser:
    """Make a denoiser by name; the path of a model (a weights file with its card, or their folder) is a name too.

    Raises
    ------
    ModelError
        If the name is unknown.
    InputError
        If the engine is unknown, does not run on the device, or is given for a method without a network.
    MissingExtraError
        If the library of the engine is not installed.
    """
    check_engine(engine, device)
    if name in CLASSICAL:
        if engine != DEFAULT_ENGINE:
            raise InputError(
                f"The method '{name}' has no network for the engine '{engine}' to run: leave the engine out, or "
                f"choose one of {', '.join(sorted({*PRESETS, *list_models()}))}."
            )
        return CLASSICAL[name]()
    if name in PRESETS:
        return GuidedDenoiser(name, PRESETS[name], device, progress, engine)
    if is_model_path(name) or name in list_models():
        card = load_card(name)
        if card.white is None:
            return NetworkDenoiser(name, device=device, progress=progress, engine=engine)
        if ORIGINS[card.architecture].dimensions == "2-D":
            return PlaneDenoiser(name, device=device, progress=progress, engine=engine)
        return NetworkDenoiser(name, device, _WIDE_TILE, progress, engine)
    if name in ARCHITECTURES:
        raise ModelError(
            f"'{name}' is an architecture without weights: train it (quietmr train, network: {{architecture: {name}}}) "
            "and give the path of the weights."
        )
    raise ModelError(f"There is no method '{name}'; known ones: {', '.join(list_denoisers())}.")


def takes_complex(name: str) -> bool:
    """Whether a method, by its name or path, takes complex images: presets and classical methods do, networks differ.

    Raises
    ------
    ModelError
        If the name is unknown.
    """
    return name in PRESETS or name in CLASSICAL or is_for_complex(load_card(name))


def _noise_of(image: Image, noise: NoiseMap | float | None, mask: NDArray[np.bool_] | None) -> NoiseMap:
    """Take the given noise, else the one the image carries, else estimate it."""
    if isinstance(noise, NoiseMap):
        return noise
    if noise is not None:
        if not (np.isfinite(noise) and noise > 0):
            raise InputError(f"The noise level must be a positive number in the units of the image, got {noise}.")
        return NoiseMap(np.array(noise, np.float32), "complex" if image.is_complex else "rician", "given")
    return image.noise if image.noise is not None else estimate_noise(image, mask)


def denoise(  # noqa: PLR0913 - the public front door; every argument is a command-line option
    image: Image,
    model: str | Denoiser = DEFAULT_MODEL,
    *,
    noise: NoiseMap | float | None = None,
    mask: NDArray[np.bool_] | None = None,
    strength: float = 1.0,
    device: str = "auto",
    threads: int | None = None,
    progress: Callable[[float], None] | None = None,
    engine: str = DEFAULT_ENGINE,
) -> Image:
    """Take the noise out of an image.

    Parameters
    ----------
    image : Image
    model : str or Denoiser
        A trained network or a classical method, see :func:`list_denoisers`; or a denoiser, which has its own device and
        progress.
    noise : NoiseMap or float, optional
        Noise SD per real channel, in the units of the image. Without it the image's own noise map counts, and
        without that the level is estimated.
    mask : array of bool, shape broadcastable to (T, Z, Y, X), optional
        Noise is looked for, and removed, inside only; outside the pixels stay as they are.
    strength : float
        Part of what the method found that is removed: 0 leaves the image as it is, 1 removes all of it.
    device : str
        "auto", "cpu", "cuda" ...
    threads : int, optional
        CPU threads of the network for this process.
    progress : callable, optional
        Is told the done part, 0 to 1.
    engine : str
        What runs the network: "torch", or on CPUs "openvino" and "openvino-int8" (extra ``openvino``).

    Returns
    -------
    Image
        Same grid, units and storage; NaN and Inf stay where they were. The last step of its history tells the method
        and the noise level used. If the noise level is zero, the pixels are returned unchanged, with a warning.

    Raises
    ------
    InputError
        If an argument or the image is unusable, or the engine cannot run the method.
    MissingExtraError
        If a library that the engine or method needs is not installed.
    ModelError
        If the model is unknown or its weights are damaged.
    """
    if not 0.0 <= strength <= 1.0:
        raise InputError(f"The strength must lie between 0 (nothing removed) and 1 (all), got {strength}.")
    inside = _checked_mask(image, mask)
    denoiser = (
        create_denoiser(model, device=device, progress=progress, engine=engine) if isinstance(model, str) else model
    )
    if threads is not None:
        torch.set_num_threads(threads)
    filled, bad = fill_nonfinite(image.data)
    if bad.any():
        text = f"{int(bad.sum())} voxels are not finite (NaN or infinite); they stay as they are."
        warnings.warn(text, QuietmrWarning, stacklevel=2)
    known = _noise_of(image, noise, inside)
    used = {"strength": strength, "sigma": known.level, "sigma_origin": known.origin, "noise_kind": known.kind}
    if known.level == 0.0 or strength == 0.0:
        if known.level == 0.0:
            warnings.warn("No noise was found: the image is returned unchanged.", QuietmrWarning, stacklevel=2)
        name = model if isinstance(model, str) else getattr(model, "name", type(model).__name__)
        return image.after(Step("denoise", {"method": name, "unchanged": True, **used}), image.data)
    result = denoiser(image.replace(data=filled, noise=known))
    data = result.data if strength == 1.0 else filled + np.float32(strength) * (result.data - filled)
    untouched = bad if inside is None else bad | ~inside
    data = np.where(untouched, image.data, data)
    return image.after(Step("denoise", {**result.history[-1].parameters, **used}), data)


def _checked_mask(image: Image, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    inside = mask_over(mask, image.shape)
    if not inside.any():
        raise InputError("The mask is empty: it must be nonzero where the image is to be denoised.")
    return inside
