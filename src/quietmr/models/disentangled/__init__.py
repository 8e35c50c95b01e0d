"""The self-guided disentangled GAN: content and noise of an image apart, learned from unpaired images.

Its layers are those of UID-GAN (Lu, Chen, Chellappa 2019, CVPR), whose equations the paper shares; the same method was
published before by Tang, Fu, Li 2021 (doi 10.12677/CSA.2021.115129). docs/models_papers.md says what is ours.
"""

from quietmr.models.disentangled.content import ContentEncoder
from quietmr.models.disentangled.critic import MultiScaleCritic
from quietmr.models.disentangled.gan import DisentangledDenoiser, DisentangledGan, as_network, build_disentangled_gan
from quietmr.models.disentangled.generator import Generator
from quietmr.models.disentangled.noise_code import NoiseEncoder, Posterior

__all__ = [
    "ContentEncoder",
    "DisentangledDenoiser",
    "DisentangledGan",
    "Generator",
    "MultiScaleCritic",
    "NoiseEncoder",
    "Posterior",
    "as_network",
    "build_disentangled_gan",
]
