"""The one contract that every denoiser keeps, network or classical."""

from typing import Protocol, runtime_checkable

from quietmr.data import Image


@runtime_checkable
class Denoiser(Protocol):
    """Takes the noise out of an image.

    A denoiser reads ``image.data`` and ``image.noise`` (which must be there) and returns an image on the same grid, in
    the same units, with one more step in its history. It never changes its input, never rescales, and keeps
    ``f(c * x, c * sigma) = c * f(x, sigma)``.
    """

    def __call__(self, image: Image) -> Image:
        """Return the denoised image.

        Raises
        ------
        InputError
            If the image has no noise map or does not suit the method.
        """
        ...
