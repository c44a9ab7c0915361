"""The stages that ``flow`` reads: declared below the pipeline, which makes its dashboard and alarms of them."""

from __future__ import annotations

from salespipe.stages import Gauge, gauges

__all__ = ["Gauge", "gauges"]
