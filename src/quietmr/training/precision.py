"""The arithmetic of a run: float32, or bfloat16 where the device computes with it and its gradients are right."""

from typing import Literal

import torch
from lightning_fabric import Fabric

from quietmr.data import InputError
from quietmr.denoise.device import runs_bfloat16
from quietmr.models import ARCHITECTURES, ORIGINS
from quietmr.training.recipe import Recipe

Precision = Literal["32-true", "bf16-mixed"]

# oneDNN (torch 2.13) on CPUs with AMX: bfloat16 gradients of weights of convolutions over planes of this many voxels
# were off by a third, not a number, or crashed the process, unless there were frames enough (measured from 16 to 96
# channels: 62 x 62 voxels and 8 frames of 64 x 64 were right, 64 x 64 with 3 frames and 96 x 96 with 8 were wrong).
# quietmr.models.volume_convolution mends those of ordinary convolutions; those of transposed ones stay wrong. Those of
# 2-D convolutions are right (up to 256 x 256 pixels, 1 to 128 channels, ordinary and transposed: within rounding).
_LARGEST_PLANE, _ENOUGH_FRAMES = 62 * 62, 16


def choose_precision(recipe: Recipe, device: torch.device) -> Precision:
    """Choose the arithmetic, in the words of Lightning Fabric.

    Raises
    ------
    InputError
        If the recipe asks for bfloat16 where its gradients would be wrong.
    """
    # The answer of a network to a small probe drowns in bfloat16, and so does what a cycle of a GAN misses.
    if recipe.precision == "32" or recipe.lesson == "sure" or recipe.step == "gan":
        return "32-true"
    broken = device.type == "cpu" and has_amx() and not _planar(recipe) and not _small_planes(recipe)
    if recipe.precision == "bf16" and broken:
        raise InputError(
            "The recipe asks for bf16, whose gradients are wrong on this CPU (AMX) for patches as wide as its own: set "
            "precision to auto, or give patches of at most 62 x 62 voxels where the network convolves."
        )
    reduced = recipe.precision == "bf16" or (runs_bfloat16(device) and not broken)
    return "bf16-mixed" if reduced else "32-true"


def has_amx() -> bool:
    """Whether oneDNN multiplies matrices of bfloat16 in the tiles of this CPU."""
    return bool(torch.cpu._is_amx_tile_supported())


def _planar(recipe: Recipe) -> bool:
    """Whether the network convolves frame by frame, in two dimensions."""
    origin = ORIGINS.get(recipe.network.architecture)
    return origin is not None and origin.dimensions == "2-D"


def _small_planes(recipe: Recipe) -> bool:
    """Whether the convolutions see planes that are small enough, or many frames, in all patches."""
    # Some networks fold neighbors into channels first.
    fold = getattr(ARCHITECTURES.get(recipe.network.architecture), "fold", (1, 1, 1))
    for patch in recipe.patches:
        frames, height, width = (-(-n // by) for n, by in zip(patch.shape, fold, strict=True))
        if height * width > _LARGEST_PLANE and frames < _ENOUGH_FRAMES:
            return False
    return True


def precision_of(fabric: Fabric) -> str:
    """Name of the arithmetic that was chosen."""
    return str(getattr(fabric.strategy.precision, "precision", "32-true"))
