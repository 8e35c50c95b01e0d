"""Who takes part in a comparison: models, presets, classical methods, programs, and the untouched image."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from quietmr._version import __version__
from quietmr.data import Image, InputError, MissingExtraError, ModelError, NoiseMap, QuietmrError, Step
from quietmr.denoise import Denoiser, create_denoiser, list_denoisers, takes_complex
from quietmr.denoise.channels import is_for_complex
from quietmr.denoise.classical import CLASSICAL
from quietmr.denoise.external import ExternalDenoiser
from quietmr.models import is_model_path, list_models, load_card
from quietmr.noise import estimate_noise

UNTOUCHED = "untouched"
BLIND = " (blind)"
DEFAULT = ("quiet", "quiet-fast", "dipy-nlm-classic", "skimage-wavelet", "gaussian")
_SMALL = (8, 48, 48)


@dataclass(frozen=True)
class Method:
    """One row of the tables.

    Parameters
    ----------
    name : str
        What it is called in the tables.
    command : str
        Command line of a program (`quietmr.denoise.external`); empty for what quietmr knows by the name.
    timeout : float
        Seconds that a program may take.
    """

    name: str
    command: str = ""
    timeout: float = 3600.0

    @property
    def base(self) -> str:
        """The name without the mark of the blind."""
        return self.name.removesuffix(BLIND)

    @property
    def is_blind(self) -> bool:
        """Whether it is not told the noise level."""
        return self.name.endswith(BLIND)

    @property
    def is_free(self) -> bool:
        """Whether anybody may use it, as far as quietmr knows: programs of the user and bm3d/bm4d do not count."""
        if self.command or self.base == UNTOUCHED:
            return False
        return self.base not in CLASSICAL or CLASSICAL[self.base].facts.is_free

    def check(self, *, is_complex: bool | None = None) -> None:
        """Refuse before any work what cannot run here.

        Parameters
        ----------
        is_complex : bool, optional
            Whether the images are complex; None if that is not known yet.

        Raises
        ------
        ModelError
            If there is no such method; the message names the closest one.
        MissingExtraError
            If its library is not installed.
        InputError
            If it takes magnitudes only and the images are complex, or the other way round, or its command makes no
            sense.
        """
        if self.base == UNTOUCHED:
            return
        if self.command:
            ExternalDenoiser(self.base, self.command, self.timeout)
            return
        if is_model_path(self.base):
            load_card(self.base)
        elif self.base not in list_denoisers():
            raise ModelError(_unknown(self.base))
        _check_library(self.base)
        if is_complex and not takes_complex(self.base):
            raise InputError(_wrong_kind(self.base, "magnitudes", "complex"))
        if is_complex is False and self._is_network and is_for_complex(load_card(self.base)):
            raise InputError(_wrong_kind(self.base, "complex images", "magnitudes"))

    @property
    def _is_network(self) -> bool:
        return is_model_path(self.base) or self.base in list_models()

    def warm_up(self, run: Callable[[Image], Image], *, is_complex: bool) -> None:
        """Run the method once on a small image; what it has against that, it will say of the real one."""
        if not self.command:
            with suppress(QuietmrError):
                run(small_image(frames=frames_needed(self.base), is_complex=is_complex))

    def make(self) -> Callable[[Image], Image]:
        """Give what turns a noisy image, whose noise map is the truth, into a denoised one."""
        if self.base == UNTOUCHED:
            return _same
        denoiser = (
            ExternalDenoiser(self.base, self.command, self.timeout) if self.command else create_denoiser(self.base)
        )
        return partial(_blindly, denoiser) if self.is_blind else denoiser

    @property
    def identity(self) -> str:
        """What it is, so that a change is noticed: command, hash of the weights, or version of the library."""
        if self.command:
            return self.command
        if self._is_network:
            return f"sha256 {load_card(self.base).sha256}"
        library = CLASSICAL[self.base].facts.library if self.base in CLASSICAL else "quietmr"
        return f"{library} {_version(library)}"


def named(names: Iterable[str], commands: Sequence[str] = (), *, blind: bool = False, timeout: float) -> list[Method]:
    """Make the methods of a comparison: the untouched image first, then names, then programs.

    Parameters
    ----------
    names : iterable of str
        Names, each perhaps with " (blind)".
    commands : sequence of str
        Programs as "name=command line".
    blind : bool
        Add a blind row for each.
    timeout : float
        Seconds that a program may take.

    Raises
    ------
    InputError
        If a command has no name, or a name comes twice.
    """
    told = [Method(name) for name in dict.fromkeys(names) if name != UNTOUCHED]
    told += [_program(text, timeout) for text in commands]
    for method in told:
        clash = method.command and (method.name == UNTOUCHED or method.name in list_denoisers())
        if clash or sum(other.name == method.name for other in told) > 1:
            raise InputError(f"Two methods would be called {method.name}: give the command another name.")
    untold = [replace(method, name=method.name + BLIND) for method in told if blind and _can_be_blind(method)]
    return [Method(UNTOUCHED), *told, *(method for method in untold if method not in told)]


def default_names() -> list[str]:
    """Name the presets and a few classical methods, as far as their libraries are installed."""
    names = []
    for name in DEFAULT:
        with suppress(MissingExtraError):
            _check_library(name)
            names.append(name)
    return names


def small_image(*, frames: int = 1, is_complex: bool = False) -> Image:
    """Make an image on which a method is run once, so that its libraries are loaded before the clock starts."""
    data = np.random.default_rng(0).normal(20, 1, (frames, *_SMALL))
    noise = NoiseMap(np.ones(1, np.float32), "complex" if is_complex else "rician", "given")
    return Image(data.astype(np.complex64 if is_complex else np.float32), noise=noise)


def frames_needed(name: str) -> int:
    """Frames on which a method can be tried: methods for series refuse a single volume."""
    return 12 if name in CLASSICAL and CLASSICAL[name].facts.series else 1


def _same(image: Image) -> Image:
    return image


def _blindly(denoiser: Denoiser, image: Image) -> Image:
    """Measure the noise, which is part of the cost, and denoise with what was found."""
    noise = estimate_noise(image.replace(noise=None))
    if noise.level == 0:
        return image.after(Step("denoise", {"sigma": 0.0}), image.data)
    result = denoiser(image.replace(noise=noise))
    step = Step("denoise", {**result.history[-1].parameters, "sigma": noise.level})
    return result.replace(history=(*result.history[:-1], step))


def _can_be_blind(method: Method) -> bool:
    """Whether a blind row would tell anything new: programs that do not ask for sigma are blind anyway."""
    return not method.is_blind and (not method.command or "{sigma" in method.command)


def _program(text: str, timeout: float) -> Method:
    name, has_name, command = text.partition("=")
    if not (has_name and name.strip() and command.strip()):
        raise InputError(
            f"A program is given as NAME=COMMAND, got '{text}': write for example \"mine=tool {{in}} {{out}}\"."
        )
    return Method(name.strip(), command.strip(), timeout)


def _check_library(name: str) -> None:
    if name not in CLASSICAL or CLASSICAL[name].facts.extra is None:
        return
    facts = CLASSICAL[name].facts
    if _version(facts.library) == "":
        raise MissingExtraError(
            f"{name} needs the library {facts.library}, which is not installed: pip install 'quietmr[{facts.extra}]', "
            "or leave it out."
        )


def _version(library: str) -> str:
    if library == "quietmr":
        return __version__
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _wrong_kind(name: str, takes: str, given: str) -> str:
    return (
        f"{name} denoises {takes} and these images are {given}: leave it out, or choose another one (quietmr models "
        "list)."
    )


def _unknown(name: str) -> str:
    known = [*list_denoisers(), UNTOUCHED]
    close = difflib.get_close_matches(name, known, n=1)
    return f"There is no method '{name}'" + (
        f", did you mean '{close[0]}'?" if close else f"; known ones: {', '.join(known)}."
    )
