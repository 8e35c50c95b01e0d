"""How the facts about noise are put into words, the same on the screen and in the figure."""

from quietmr.data import NoiseKind, NoiseMap, NoiseOrigin

KIND: dict[NoiseKind, str] = {
    "complex": "complex",
    "rician": "Rician",
    "gaussian": "Gaussian",
    "noncentral-chi": "noncentral chi",
}
ORIGIN: dict[NoiseOrigin, str] = {
    "noise-scan": "from a noise scan",
    "estimated": "estimated from the image",
    "given": "as given",
}


def level(noise: NoiseMap, sigma: float | None = None) -> str:
    """Noise level with its standard error, for example ``14.8 ± 0.4``."""
    value = noise.level if sigma is None else sigma
    if not noise.uncertainty:
        return f"{value:.4g}"
    error = float(f"{noise.uncertainty * value:.2g}")
    return f"{value:.4g} \N{PLUS-MINUS SIGN} {error:g}"


def nature(noise: NoiseMap) -> str:
    """Kind and origin, for example ``Rician, estimated from the image``."""
    return f"{KIND[noise.kind]}, {ORIGIN[noise.origin]}"
