"""The Denoiser contract, networks on whole images, classical methods."""

import sys
from types import ModuleType

from quietmr.data import Image
from quietmr.denoise.contract import Denoiser
from quietmr.denoise.network import NetworkDenoiser
from quietmr.denoise.run import DEFAULT_MODEL, create_denoiser, denoise, list_denoisers, takes_complex

__all__ = [
    "DEFAULT_MODEL",
    "Denoiser",
    "NetworkDenoiser",
    "create_denoiser",
    "denoise",
    "list_denoisers",
    "takes_complex",
]


class _CallableRoom(ModuleType):
    """Package and public function share the name ``quietmr.denoise``.

    Whoever imports something from the package first makes ``quietmr.denoise`` the package; called, it is the function.
    """

    def __call__(self, *args: object, **kwargs: object) -> Image:
        return denoise(*args, **kwargs)  # type: ignore[arg-type]


sys.modules[__name__].__class__ = _CallableRoom
