"""Scans with known noise, and the command line as a function."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter

from quietmr.cli.main import main
from quietmr.models import build_architecture, load_card

AFFINE = np.array([[-1.5, 0, 0, 40], [0, 1.5, 0, -50], [0, 0, 3.0, 10], [0, 0, 0, 1]])
NETWORK = {"in_channels": 3, "out_channels": 2, "widths": [8, 8], "n_blocks": [1, 1], "slope": 0.02}


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line on stderr, without the name of the program."""
        (line,) = self.err.splitlines()
        assert line.startswith("quietmr: ")
        return line.removeprefix("quietmr: ")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command line in this process."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        return Ran(code, *capsys.readouterr())

    return run


def head(shape: tuple[int, int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Make an ellipsoid with smooth structure inside, about 100 in tissue, 0 in air."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape), indexing="ij")
    inside = sum((a / 0.8) ** 2 for a in axes) < 1
    structure = gaussian_filter(rng.standard_normal(shape), 2.0)
    structure /= structure.std() or 1.0
    return inside * np.clip(100 + 25 * structure, 20, None)


@pytest.fixture(scope="session")
def complex_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network for complex images with random weights, its last layer weak, as a file with a card."""
    torch.manual_seed(4)
    network = build_architecture("unet3d", **NETWORK)
    network.head.weight.data *= 0.3
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_file(network.state_dict(), path)
    changed = {
        "name": "tiny",
        "arguments": NETWORK,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    path.with_suffix(".json").write_text(json.dumps(asdict(load_card("quiet-fast")) | changed))
    return path


@pytest.fixture
def make_scan(tmp_path: Path, rng: np.random.Generator) -> Callable[..., Path]:
    """Write a magnitude scan with Rician noise of known sigma; shape is (X, Y, Z)."""

    def make(
        name: str = "scan.nii.gz",
        *,
        sigma: float = 6.0,
        scale: float = 1.0,
        shape: tuple[int, int, int] = (40, 44, 12),
        dtype: str = "<f4",
        truth: Path | None = None,
    ) -> Path:
        clean = head(shape, rng)
        noisy = np.hypot(clean + sigma * rng.standard_normal(shape), sigma * rng.standard_normal(shape))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if truth is not None:
            nib.save(nib.Nifti1Image((scale * clean).astype(np.float32), AFFINE), truth)
        image = nib.Nifti1Image((scale * noisy).astype(dtype), AFFINE)
        nib.save(image, path)
        return path

    return make
