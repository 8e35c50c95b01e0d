"""What several tests of this room need."""

import hashlib
import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file

from quietmr.models import build_architecture, load_card

COMPLEX = {"in_channels": 3, "out_channels": 2, "widths": [8, 8], "n_blocks": [1, 1], "slope": 0.02}


@pytest.fixture(scope="session")
def complex_model(tmp_path_factory):
    """A complex network with random weights, its last layer weak, as a file with a card."""
    # Drawn apart, so that the global generator of the tests stays as it is.
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = build_architecture("unet3d", **COMPLEX)
    network.head.weight.data *= 0.3
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_file(network.state_dict(), path)
    card = asdict(load_card("quiet-fast")) | {
        "name": "tiny",
        "arguments": COMPLEX,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    path.with_suffix(".json").write_text(json.dumps(card))
    return str(path)
