"""Volumes as text inside a page: whole steps, predicted from their neighbours, deflated, in ASCII.

The reader in the page (``assets/volumes.js``) does the same backwards, with what every browser has: a cumulative sum
along each axis and ``DecompressionStream``.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Five characters hold four bytes (base64: four hold three). None of them means anything in HTML.
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%()*+,-./:;=?@[]^_{}"
_MOST = 32767


@dataclass(frozen=True)
class Packed:
    """A volume of whole steps as text.

    Parameters
    ----------
    shape : tuple of int
        (T, Z, Y, X); an axis of length 1 may stand for a value that is the same all along it.
    step : float
        Value of one step.
    smooth : bool
        Whether steps are stored as differences along X, Y and Z.
    length : int
        Bytes before the text, which may be longer by up to three.
    text : str
        The deflated bytes in the characters of ``ALPHABET``.
    """

    shape: tuple[int, ...]
    step: float
    smooth: bool
    length: int
    text: str


def steps_of(values: NDArray[np.float32], step: float) -> NDArray[np.int16]:
    """Round to whole steps, at most 32767 of them; values that are not finite become 0."""
    rounded = np.rint(np.nan_to_num(values, posinf=0.0, neginf=0.0) / np.float32(step))
    steps: NDArray[np.int16] = np.clip(rounded, -_MOST, _MOST).astype(np.int16)
    return steps


def deflate(steps: NDArray[np.int16], *, smooth: bool) -> bytes:
    """Deflate whole steps, shape (T, Z, Y, X): low bytes, then high bytes.

    Signs are folded in (0, -1, 1, -2 ... become 0, 1, 2, 3 ...), so that high bytes are mostly 0.
    Noise has no repeats to look for, so run lengths and Huffman codes are as small as a full search, ten times faster.
    """
    rest = steps
    if smooth:
        # 16 bits that wrap around, as in the reader: the sum of the differences is exact
        for axis in (1, 2, 3):
            rest = np.diff(rest, axis=axis, prepend=np.zeros_like(rest.take([0], axis)))
    folded = ((rest << 1) ^ (rest >> 15)).view(np.uint16)
    planes = np.concatenate([(folded & 255).astype(np.uint8).ravel(), (folded >> 8).astype(np.uint8).ravel()])
    machine = zlib.compressobj(3, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    return machine.compress(planes.tobytes()) + machine.flush()


def pack(values: NDArray[np.float32], step: float, *, smooth: bool) -> Packed:
    """Pack a volume, shape (T, Z, Y, X); ``smooth`` if neighbours are alike."""
    packed = deflate(steps_of(values, step), smooth=smooth)
    return Packed(values.shape, step, smooth, len(packed), _text(packed))


def unpack(packed: Packed) -> NDArray[np.float32]:
    """Values of a packed volume, as the page will show them."""
    planes = np.frombuffer(zlib.decompress(_bytes(packed.text)[: packed.length]), np.uint8).reshape(2, -1)
    folded = planes[0].astype(np.uint16) | (planes[1].astype(np.uint16) << 8)
    steps = (folded >> 1).astype(np.int16) ^ -(folded & 1).astype(np.int16)
    steps = steps.reshape(packed.shape)
    if packed.smooth:
        for axis in (1, 2, 3):
            steps = np.cumsum(steps, axis=axis, dtype=np.int16)
    values: NDArray[np.float32] = steps * np.float32(packed.step)
    return values


def _text(data: bytes) -> str:
    words = np.frombuffer(data + bytes(-len(data) % 4), ">u4").astype(np.uint32)
    digits = np.stack([words // 85**power % 85 for power in (4, 3, 2, 1, 0)], axis=-1)
    return np.frombuffer(ALPHABET.encode(), np.uint8)[digits.ravel()].tobytes().decode()


def _bytes(text: str) -> bytes:
    value = np.zeros(128, np.uint64)
    value[np.frombuffer(ALPHABET.encode(), np.uint8)] = np.arange(85)
    digits = value[np.frombuffer(text.encode(), np.uint8)].reshape(-1, 5)
    return (digits @ np.array([85**power for power in (4, 3, 2, 1, 0)], np.uint64)).astype(">u4").tobytes()
