"""The Denoiser contract, networks on whole images, classical methods."""

from quietmr.denoise.contract import Denoiser
from quietmr.denoise.network import NetworkDenoiser
from quietmr.denoise.run import DEFAULT_MODEL, create_denoiser, denoise, list_denoisers

__all__ = ["DEFAULT_MODEL", "Denoiser", "NetworkDenoiser", "create_denoiser", "denoise", "list_denoisers"]
