"""quietmr takes the noise out of MRI, and nothing else.

The public names are loaded on first use, so that ``import quietmr`` costs neither torch nor the file libraries.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from quietmr._version import __version__

if TYPE_CHECKING:
    from quietmr.data import Geometry, Image, InputError, KSpace, Meta, NoiseMap, QuietmrError, QuietmrWarning
    from quietmr.denoise import denoise, list_denoisers
    from quietmr.evaluate.lesions import lesion_survival
    from quietmr.evaluate.monte_carlo import noise_gain
    from quietmr.evaluate.repeats import compare_repeats
    from quietmr.evaluate.residual import residual_evidence
    from quietmr.evaluate.score_table import score_images
    from quietmr.io import read, write
    from quietmr.io.raw import read_raw, write_raw
    from quietmr.models import create_model, list_models, load_weights
    from quietmr.noise import estimate_noise
    from quietmr.recon import gfactor_maps, reconstruct

_HOME = {
    "Geometry": "data",
    "Image": "data",
    "InputError": "data",
    "KSpace": "data",
    "Meta": "data",
    "NoiseMap": "data",
    "QuietmrError": "data",
    "QuietmrWarning": "data",
    "compare_repeats": "evaluate.repeats",
    "create_model": "models",
    "denoise": "denoise",
    "estimate_noise": "noise",
    "gfactor_maps": "recon",
    "lesion_survival": "evaluate.lesions",
    "list_denoisers": "denoise",
    "list_models": "models",
    "load_weights": "models",
    "noise_gain": "evaluate.monte_carlo",
    "read": "io",
    "read_raw": "io.raw",
    "reconstruct": "recon",
    "residual_evidence": "evaluate.residual",
    "score_images": "evaluate.score_table",
    "write": "io",
    "write_raw": "io.raw",
}

__all__ = [
    "Geometry",
    "Image",
    "InputError",
    "KSpace",
    "Meta",
    "NoiseMap",
    "QuietmrError",
    "QuietmrWarning",
    "__version__",
    "compare_repeats",
    "create_model",
    "denoise",
    "estimate_noise",
    "gfactor_maps",
    "lesion_survival",
    "list_denoisers",
    "list_models",
    "load_weights",
    "noise_gain",
    "read",
    "read_raw",
    "reconstruct",
    "residual_evidence",
    "score_images",
    "write",
    "write_raw",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its room on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'quietmr' has no attribute {name!r}; public names: {', '.join(__all__)}")
    value = getattr(import_module(f"quietmr.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
