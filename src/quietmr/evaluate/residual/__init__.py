"""What was removed, tested for being noise, all of the noise, and nothing but noise."""

from quietmr.evaluate.residual.evidence import residual_evidence
from quietmr.evaluate.residual.findings import Finding, ResidualEvidence, Verdict

__all__ = ["Finding", "ResidualEvidence", "Verdict", "residual_evidence"]
