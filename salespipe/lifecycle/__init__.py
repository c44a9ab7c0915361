"""plan, up, down and status over any set of resources. Prints nothing: what happens is yielded as Steps.

There is no state file. Names are deterministic and what is ours is tagged, so AWS itself says what exists; a run that
was interrupted at any call is finished by the next ``up`` or ``down``.
"""

from __future__ import annotations

from salespipe.lifecycle.faults import describe_failure
from salespipe.lifecycle.look import plan, status
from salespipe.lifecycle.model import Action, Change, Reading, Step
from salespipe.lifecycle.run import down, up

__all__ = ["Action", "Change", "Reading", "Step", "describe_failure", "down", "plan", "status", "up"]
