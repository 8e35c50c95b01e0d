"""Equal training: what do quiet-complex and the large network of SNRAware learn in the same CPU time on the same data?

    python benchmarks/complex_race.py [--minutes 8] [--networks ours large] [--out runs/bench/race]

Both begin with random weights, see the same scenes, phases, g-maps and noise (seeds included; the large one in smaller
batches), and train with the trainer of the project. The number of steps that fill the time is measured in a short trial
unless ``--steps`` gives it. Each is then scored on the validation cases of complex training and on three cine-like
series, none of which training draws. Ours has the optimizer of ``recipes/complex.yaml``; the large one has AdamW, as
Muon would double the cost of its steps, and its corrected form, which takes images of any size.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tables import markdown, mean

from quietmr.denoise.device import runs_bfloat16
from quietmr.evaluate.metrics import psnr
from quietmr.models import build_architecture, to_channels_last
from quietmr.phantoms import Mixture
from quietmr.training.complex_batches import draw_picture
from quietmr.training.complex_validation import ComplexCase, draw_complex_cases
from quietmr.training.keeper import News
from quietmr.training.launch import Launch
from quietmr.training.loop import train
from quietmr.training.recipe import Recipe

_SHARED: dict[str, Any] = {
    "channels": "complex",
    "seed": 5,
    "workers": 0,
    "validation_cases": 1,
    "scenes": {"shape": [16, 96, 96], "pool": 24, "reuse": 100, "mixture": {"dynamic": 0.5}},
    "mr": {"law": "ours", "snr": [1.5, 60.0], "white": 0.45, "uniform": 0.5, "gmap_scans": 2, "gmap_reuse": 2000},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "ours": {
        "network": {
            "architecture": "unet3d",
            "arguments": {
                "in_channels": 3, "out_channels": 2, "widths": [32, 96, 128], "n_blocks": [2, 2, 2], "slope": 0.02,
            },
        },
        "patches": [{"shape": [8, 32, 32], "batch": 8}, {"shape": [16, 48, 48], "batch": 2}],
        "optimizer": {"lr_muon": 0.01, "lr_adam": 1.5e-3, "warmup": 50, "flat": 0.5, "ema": 0.99},
    },
    "large": {
        "network": {
            "architecture": "snraware-hrnet-cnnt-large", "arguments": {"in_channels": 3, "out_channels": 2},
        },
        "patches": [{"shape": [8, 32, 32], "batch": 1}],
        "optimizer": {"kind": "adamw", "lr_adam": 5e-4, "warmup": 5, "flat": 0.5, "ema": 0.9, "clip": 1.0},
    },
}  # fmt: skip
_TRIAL = {"ours": 40, "large": 5}  # steps
_JUDGES, _JUDGE_SHAPE = 6, (6, 56, 56)
_CINE, _CINE_SNR = (12, 80, 80), 12.0
_HEARTS = Mixture(head=0, regions=0, leaves=0, spine=0, joint=0, abdomen=0, heart=1, dynamic=1)


@dataclass(frozen=True)
class Result:
    """What one network learned: steps, CPU seconds, gain on validation cases (dB), PSNR of the cine series (dB)."""

    name: str
    parameters: int
    steps: int
    cpu_s: float
    gain: float
    cine_psnr: list[float]
    cine_noisy: list[float]


def recipe_of(name: str, steps: int) -> Recipe:
    """Recipe of one network for a number of steps; it is scored and saved once, at the end."""
    once = {"steps": steps, "validate_every": steps, "checkpoint_every": steps}
    return Recipe.model_validate({"name": f"race-{name}", **_SHARED, **NETWORKS[name], **once})


def run(name: str, steps: int, folder: Path) -> tuple[int, float]:
    """Train; steps taken and CPU seconds of the training without its validation."""
    clock = [time.process_time()]

    def tell(news: News) -> None:
        clock.append(time.process_time())

    train(recipe_of(name, steps), folder, Launch(force=True, device="cpu"), tell)
    taken = np.diff(clock)
    # The last entry holds the validation; a usual step stands for it.
    return len(taken), float(taken[:-1].sum() + np.median(taken[1:-1]))


def steps_within(name: str, seconds: float, folder: Path) -> int:
    """Steps that fit into a time, by a trial."""
    taken, cpu_s = run(name, _TRIAL[name], folder)
    return max(3, int(seconds * taken / cpu_s))


def cine_cases() -> list[ComplexCase]:
    """Three series of procedural beating hearts, white noise, brightest tissue at SNR 12."""
    cases = []
    for seed in range(3):
        rng = np.random.default_rng([2**31 + 77, seed])
        truth = torch.from_numpy(draw_picture(_CINE, _HEARTS, rng) * np.float32(_CINE_SNR))
        target = torch.stack([truth.real, truth.imag])
        noise = torch.from_numpy(rng.standard_normal(target.shape).astype(np.float32))
        cases.append(ComplexCase(torch.cat([target + noise, torch.ones(1, *_CINE)]), target))
    return cases


@torch.inference_mode()
def judge(name: str, folder: Path, steps: int, cpu_s: float) -> Result:
    """Score the weights of a run, whole images."""
    network = build_architecture(**_built(name)).eval()
    network.load_state_dict(load_file(folder / "best.safetensors"))
    network = to_channels_last(network)

    def denoise(case: ComplexCase) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=runs_bfloat16(torch.device("cpu"))):
            return network(case.x[None])[0].float()

    judges = draw_complex_cases(_JUDGES, 4321, recipe_of(name, 2).mr, _JUDGE_SHAPE)
    cines = cine_cases()
    return Result(
        name=name,
        parameters=sum(weight.numel() for weight in network.parameters()),
        steps=steps,
        cpu_s=cpu_s,
        gain=mean(case.gain(denoise(case)) for case in judges),
        cine_psnr=[_psnr(denoise(case), case) for case in cines],
        cine_noisy=[_psnr(case.x[:2], case) for case in cines],
    )


def _psnr(image: torch.Tensor, case: ComplexCase) -> float:
    found, true = (planes[0].numpy() + 1j * planes[1].numpy() for planes in (image, case.target))
    return psnr(found, true, _CINE_SNR)


def _built(name: str) -> dict[str, Any]:
    network = NETWORKS[name]["network"]
    return {"name": network["architecture"], **network["arguments"]}


def table(results: list[Result]) -> str:
    """Results as markdown."""
    head = ["network", "parameters", "steps", "CPU s", "validation gain, dB", "cine PSNR, dB (noisy)"]
    lines = [
        [
            NETWORKS[one.name]["network"]["architecture"], f"{one.parameters / 1e6:.1f} M", str(one.steps),
            f"{one.cpu_s:.0f}", f"{one.gain:+.2f}",
            ", ".join(f"{a:.2f} ({b:.2f})" for a, b in zip(one.cine_psnr, one.cine_noisy, strict=True)),
        ]
        for one in results
    ]  # fmt: skip
    return markdown(head, lines)


def main() -> None:
    """Train and score one network after the other, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0, help="CPU minutes of training for each")
    parser.add_argument("--steps", type=int, help="steps instead of minutes, without a trial")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/bench/race"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    results = []
    for name in given.networks:
        folder = given.out / name
        steps = given.steps or steps_within(name, 60 * given.minutes, folder)
        print(f"{name}: {steps} steps, load {os.getloadavg()[0]:.1f}", flush=True)
        results.append(judge(name, folder, *run(name, steps, folder)))
        (folder / "result.json").write_text(json.dumps(asdict(results[-1]), indent=2) + "\n")
    print(f"\n{table(results)}")


if __name__ == "__main__":
    main()
