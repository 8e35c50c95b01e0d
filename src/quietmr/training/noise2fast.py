"""Noise2Fast (Lequyer et al., Nat. Mach. Intell. 2022): a small network learns on the image that it denoises.

After the paper and its code (Apache-2.0, commit 8b24469): network, pairs, loss, optimizer and the rule when to stop.
Ours: volumes teach one network by planes drawn at random, in pieces of at most 128 x 128, and what is watched is one
piece of the middle plane; the last 105 *weights* are averaged in place of the last 105 outputs, so that the image is
run once; the mean of a magnitude is turned into the signal without noise; complex images have two channels.
"""

import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from quietmr.data import Image, InputError, QuietmrWarning, Step
from quietmr.denoise.device import select_device
from quietmr.noise import signal_from_mean
from quietmr.training.correlation import measure_correlation, sentence

NAME = "noise2fast"
_WIDTH, _LAYERS, _RATE = 64, 8, 1e-3
_PATIENCE, _AVERAGED = 100, 105
_SMALLEST, _PIECE = 8, 128


def make_network(channels: int = 1) -> nn.Sequential:
    """Eight convolutions of 64 channels and one of 1 x 1; the sigmoid behind it is left to the loss and the result."""
    layers: list[nn.Module] = []
    for i in range(_LAYERS):
        layers += [nn.Conv2d(channels if i == 0 else _WIDTH, _WIDTH, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(_WIDTH, channels, 1))


def checkerboard(plane: Tensor, color: int, *, upright: bool) -> Tensor:
    """Take the pixels of one color of the checkerboard and close the gaps.

    Parameters
    ----------
    plane : Tensor, shape (C, Y, X)
        Y and X even.
    color : {0, 1}
    upright : bool
        Whether gaps are closed along Y, else along X.

    Returns
    -------
    Tensor, shape (C, Y / 2, X) or (C, Y, X / 2)
    """
    if upright:
        return checkerboard(plane.transpose(1, 2), color, upright=False).transpose(1, 2)
    c, y, x = plane.shape
    first = (torch.arange(y, device=plane.device) + color) % 2
    pairs = plane.reshape(c, y, x // 2, 2)
    return pairs.gather(3, first[None, :, None, None].expand(c, y, x // 2, 1)).squeeze(3)


@dataclass(frozen=True)
class Noise2Fast:
    """Denoise an image with a network that learns on it, without a model or other data. White noise is assumed.

    Parameters
    ----------
    seed : int
        Of weights and draws.
    device : str
        "auto", "cpu", "cuda" ...
    most_steps : int
        Where learning ends if the image goes on being matched better.
    progress : callable, optional
        Is told the done part, 0 to 1; training mostly stops long before its largest number of steps.
    """

    seed: int = 0
    device: str = "auto"
    most_steps: int = 2000
    progress: Callable[[float], None] | None = field(default=None, compare=False)
    name: str = field(default=NAME, init=False)

    def __call__(self, image: Image) -> Image:
        """Denoise; see :class:`quietmr.denoise.contract.Denoiser`.

        Raises
        ------
        InputError
            If the image has no noise map, is too small, or the device is not there.
        """
        if image.noise is None:
            raise InputError("The image carries no noise level: set image.noise or call quietmr.denoise.")
        if min(image.shape[2:]) < _SMALLEST:
            raise InputError(
                f"{NAME} learns on planes of {_SMALLEST} x {_SMALLEST} pixels or more, got {image.shape[2:]}: choose "
                "another method."
            )
        device = select_device(self.device)
        planes, low, wide = _in_unit_range(image)
        steps = 0
        mean = image.data
        if wide > 0:
            with torch.random.fork_rng(devices=[]):
                _warn_if_correlated(image)
                torch.manual_seed(self.seed)
                network = make_network(planes.shape[1]).to(device)
            steps = self._learn(network, planes, device)
            mean = _image_of(_run(network, planes, device) * wide + low, image)
        data = mean
        if image.noise.kind in ("rician", "noncentral-chi") and wide > 0:
            sigma = image.noise.over(image.shape)
            data = np.asarray(signal_from_mean(mean, sigma, image.noise.n_channels), np.float32)
        data = np.where(image.noise.over(image.shape) > 0, data, image.data)
        facts = {"method": NAME, "seed": self.seed, "steps": steps, "device": str(device)}
        return image.after(Step("denoise", facts), data)

    def _learn(self, network: nn.Module, planes: Tensor, device: torch.device) -> int:
        """Train until the watched piece has not been matched better for a while; leave the mean of the last weights."""
        rng = torch.Generator().manual_seed(self.seed)
        optimizer = torch.optim.Adam(network.parameters(), lr=_RATE)
        y, x = (min(n // 2 * 2, _PIECE) for n in planes.shape[2:])
        top, left = (planes.shape[2] - y) // 2, (planes.shape[3] - x) // 2
        watched = planes[len(planes) // 2 : len(planes) // 2 + 1, :, top : top + y, left : left + x].to(device)
        last: deque[Tensor] = deque(maxlen=_AVERAGED)
        best, since, step = float("inf"), 0, 0
        while since <= _PATIENCE and step < self.most_steps:
            source, aim = _draw_pair(planes, (y, x), rng)
            loss = binary_cross_entropy_with_logits(network(source[None].to(device)), aim[None].to(device))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            last.append(parameters_to_vector(network.parameters()).detach().clone())
            with torch.no_grad():
                distance = float((torch.sigmoid(network(watched)) - watched).square().mean())
            best, since, step = (distance, 0, step + 1) if distance < best else (best, since + 1, step + 1)
            if self.progress is not None:
                self.progress(step / self.most_steps)
        vector_to_parameters(torch.stack(tuple(last)).mean(0), network.parameters())
        if self.progress is not None:
            self.progress(1.0)
        return step


def _warn_if_correlated(image: Image) -> None:
    """Signed values are not measured: what is known of correlation is known of complex noise."""
    noise = image.noise
    if noise is None or noise.kind == "gaussian" or noise.level == 0:
        return
    found = measure_correlation(np.abs(image.data[0]), noise.level, noise.support or (1.0, 1.0, 1.0))
    value, axis = found.unknown_to(NAME)
    if value > 0:
        warnings.warn(sentence(NAME, value, axis, "the scan"), QuietmrWarning, stacklevel=3)


def _draw_pair(planes: Tensor, shape: tuple[int, int], rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a piece of a plane and one of its four pairs: both colors, both directions."""

    def draw(n: int) -> int:
        return int(torch.randint(n, (1,), generator=rng))

    y, x = shape
    plane, top, left = draw(len(planes)), draw(planes.shape[2] - y + 1), draw(planes.shape[3] - x + 1)
    piece = planes[plane, :, top : top + y, left : left + x]
    color, upright = draw(2), bool(draw(2))
    return checkerboard(piece, color, upright=upright), checkerboard(piece, 1 - color, upright=upright)


def _in_unit_range(image: Image) -> tuple[Tensor, float, float]:
    """Planes (N, C, Y, X) between 0 and 1, and the offset and width that they had."""
    flat: NDArray[Any] = image.data.reshape(-1, 1, *image.shape[2:])
    values = np.concatenate([flat.real, flat.imag], axis=1) if image.is_complex else flat
    low, high = float(values.min()), float(values.max())
    wide = high - low
    return torch.from_numpy(np.ascontiguousarray((values - low) / (wide or 1.0), np.float32)), low, wide


@torch.no_grad()
def _run(network: nn.Module, planes: Tensor, device: torch.device) -> NDArray[np.float32]:
    found = [torch.sigmoid(network(plane[None].to(device)))[0].cpu() for plane in planes]
    return np.asarray(torch.stack(found).numpy(), np.float32)


def _image_of(values: NDArray[np.float32], image: Image) -> NDArray[Any]:
    """Put planes (N, C, Y, X) back into the shape of an image."""
    if image.is_complex:
        return np.asarray(values[:, 0] + 1j * values[:, 1], np.complex64).reshape(image.shape)
    return values.reshape(image.shape)
