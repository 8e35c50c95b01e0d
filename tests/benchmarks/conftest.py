import sys
from pathlib import Path

import pytest

pytest.importorskip("skimage", reason="the benchmarks need the extra compare")
# The benchmarks are scripts that import each other by their bare names, from their own folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
