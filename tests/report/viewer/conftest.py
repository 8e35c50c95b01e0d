"""Small scans with their copies and maps, and a running viewer."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from quietmr.report.viewer.files import find
from quietmr.report.viewer.pairing import pair
from quietmr.report.viewer.server import ViewerServer

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write a NIfTI file, with a sidecar if fields are given for it."""

    def write(name: str, *, shape=(12, 14, 10), affine=AFFINE, values=None, **sidecar) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) if values is None else values
        nib.save(nib.Nifti1Image(values, affine), path)
        if sidecar:
            path.with_name(f"{path.name.split('.nii')[0]}.json").write_text(json.dumps(sidecar))
        return path

    return write


@pytest.fixture
def serve() -> Iterator[Callable[..., ViewerServer]]:
    """Run a viewer on scans in a thread."""
    running = []

    def start(*paths: Path, niivue: Path) -> ViewerServer:
        scenes, notes = pair(find(paths))
        server = ViewerServer(scenes, niivue, notes=notes, title="scans")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()
