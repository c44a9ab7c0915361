"""plan, up, down and status over any set of resources. Prints nothing: what happens is yielded as Steps.

There is no state file. Names are deterministic and what is ours is tagged, so AWS itself says what exists; a run that
was interrupted at any call is finished by the next ``up`` or ``down``.
"""

from __future__ import annotations

from salespipe.lifecycle.faults import describe_failure
from salespipe.lifecycle.look import plan, plan_from_nothing, seen_as, status, survey
from salespipe.lifecycle.model import Action, Change, Intent, Key, Reading, Step
from salespipe.lifecycle.orphans import orphans
from salespipe.lifecycle.run import down, up
from salespipe.lifecycle.writers import stopped

__all__ = [
    "Action",
    "Change",
    "Intent",
    "Key",
    "Reading",
    "Step",
    "describe_failure",
    "down",
    "orphans",
    "plan",
    "plan_from_nothing",
    "seen_as",
    "status",
    "stopped",
    "survey",
    "up",
]
