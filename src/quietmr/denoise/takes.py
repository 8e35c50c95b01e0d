"""Which images a method takes, told before there is one."""

from quietmr.denoise.channels import is_for_complex
from quietmr.denoise.classical import CLASSICAL
from quietmr.denoise.presets import PRESETS
from quietmr.models import load_card


def takes_complex(name: str) -> bool:
    """Whether a method denoises complex images.

    Classical methods do (real and imaginary part one by one), networks as they were trained.

    Parameters
    ----------
    name : str
        As for :func:`quietmr.denoise.create_denoiser`.

    Raises
    ------
    ModelError
        If there is no such method.
    """
    if name in CLASSICAL:
        return True
    return is_for_complex(load_card(PRESETS[name].network if name in PRESETS else name))
