"""The features of VGG16 (Simonyan, Zisserman 2015), for the perceptual loss; the weights are the user's to bring."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from quietmr.data import ModelError

WEIGHTS_NAME = "vgg16.safetensors"
WIDTHS = (64, 128, 256, 512)
# Convolutions in each block; the published network has a fifth block, and layers behind it, that are not needed.
_DEPTHS = (2, 2, 3, 3)
# Of the images of ImageNet, which the published weights were trained on, values from 0 to 1.
_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HOW_TO_CONVERT = (
    "convert the published vgg16-397923af.pth once: from safetensors.torch import save_file; "
    "save_file(torch.load('vgg16-397923af.pth', weights_only=True), 'vgg16.safetensors')"
)


class Vgg16Features(nn.Module):
    """The first four blocks of VGG16, frozen; layers are numbered as in the published file.

    Parameters
    ----------
    widths : sequence of int
        Channels of the blocks; those of the published network if left out.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.taps: list[int] = []
        channels = 3
        for width, depth in zip(widths, _DEPTHS, strict=True):
            if layers:
                layers.append(nn.MaxPool2d(2))
            for _ in range(depth):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            self.taps.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("sd", torch.tensor(_SD).reshape(1, 3, 1, 1), persistent=False)
        self.requires_grad_(requires_grad=False).eval()

    def forward(self, gray: Tensor, blocks: int | None = None) -> list[Tensor]:
        """Compute the features after each block, or after each of the first ``blocks``.

        Parameters
        ----------
        gray : Tensor, shape (N, 1, Y, X)
            Gray images, 0 to 1; Y and X of at least 2 for each halving between blocks.
        blocks : int, optional

        Returns
        -------
        list of Tensor, shape (N, width, Y / 2^i, X / 2^i)
        """
        x = (gray - self.mean) / self.sd
        features = []
        last = self.taps[-1 if blocks is None else blocks - 1]
        for i, layer in enumerate(self.features):
            if i > last:
                break
            x = layer(x)
            if i in self.taps:
                features.append(x)
        return features


def cached_weights() -> Path:
    """Where weights are looked for that no path is given for: ``$QUIETMR_CACHE``, else the user's cache folder."""
    cache = os.environ.get("QUIETMR_CACHE")
    if cache:
        return Path(cache) / WEIGHTS_NAME
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "quietmr" / WEIGHTS_NAME


def load_vgg16(path: Path | None = None, sha256: str = "", widths: Sequence[int] = WIDTHS) -> Vgg16Features:
    """Load the features of VGG16 from a file with the published layout (``features.N.weight``, ``features.N.bias``).

    Parameters
    ----------
    path : Path, optional
        A .safetensors file; that of the cache (:func:`cached_weights`) if left out. What else it holds is not read.
    sha256 : str
        Expected hash of the file; not checked if empty.
    widths : sequence of int
        Channels of the blocks.

    Raises
    ------
    ModelError
        If the file is missing, not safetensors, another file than the hash says, or of another network.
    """
    path = path or cached_weights()
    content = _content(path, sha256)
    try:
        stored = load(content)
    except SafetensorError:
        raise ModelError(f"{path} is not a safetensors file: {_HOW_TO_CONVERT}.") from None
    network = Vgg16Features(widths)
    for name, wanted in network.state_dict().items():
        found = tuple(stored[name].shape) if name in stored else "nothing"
        if found != tuple(wanted.shape):
            raise ModelError(
                f"{path} does not hold VGG16: '{name}' has to be {tuple(wanted.shape)} and is {found}; give the "
                "weights of VGG16 without batch normalization."
            )
    network.load_state_dict({name: stored[name].float() for name in network.state_dict()})
    return network


def _content(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError:
        raise ModelError(
            f"The perceptual loss needs the weights of VGG16, and {path} cannot be read: put them there or name the "
            f"file (perceptual.weights); {_HOW_TO_CONVERT}."
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256.lower():
        raise ModelError(
            f"{path} is not the file that was asked for: its SHA-256 is {found}, expected {sha256}; give the right "
            "file, or its hash (perceptual.sha256)."
        )
    return content
