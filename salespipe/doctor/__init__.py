"""Is everything here that salespipe needs? Small checks, each with what was found and what mends it."""

from salespipe.doctor.model import Check, Probe, Skipped, Verdict
from salespipe.doctor.run import examine

__all__ = ["Check", "Probe", "Skipped", "Verdict", "examine"]
