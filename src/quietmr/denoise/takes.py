"""Which images a method takes, told before there is one."""

from quietmr.denoise.channels import is_for_complex
from quietmr.denoise.classical import CLASSICAL
from quietmr.denoise.presets import PRESETS
from quietmr.models import list_models, load_card


def takes_complex(name: str) -> bool:
    """Whether a method denoises complex images.

    Classical methods do (real and imaginary part one by one), networks as they were trained, presets if their network
    for complex images is there.

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
    if name not in PRESETS:
        return is_for_complex(load_card(name))
    network = getattr(PRESETS[name], "complex_network", PRESETS[name].network)
    return network in list_models() and is_for_complex(load_card(network))
