"""What carries out the network: torch, or OpenVINO on CPUs."""

from quietmr.denoise.engines.choice import DEFAULT_ENGINE, ENGINES, check_engine, start_engine
from quietmr.denoise.engines.contract import Runner

__all__ = ["DEFAULT_ENGINE", "ENGINES", "Runner", "check_engine", "start_engine"]
