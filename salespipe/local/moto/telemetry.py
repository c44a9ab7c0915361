"""Metric data and log events, which moto 5.2.5 keeps for ever: what is old or too much is forgotten.

Touched here, each with a test in tests/local/test_moto_telemetry.py: ``CloudWatchBackend.metric_data`` and what a
``MetricAggregatedDatum`` is made of; ``LogsBackend.groups``, and in them ``retention_in_days``, ``streams``, their
``events`` and ``stored_bytes``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

METRIC_SECONDS: Final = 3 * 3600
"""How long metric data are kept: as long as CloudWatch keeps those of high resolution."""
GROUP_EVENTS: Final = 50_000
"""How many events a log group holds at most: the newest."""
_DAY: Final = 86_400


def trim_metrics(backend: Any, now: float) -> bool:
    """Drop data older than ``METRIC_SECONDS`` (``now`` in Unix seconds) and merge statistics of the same time.

    Nobody can tell merged ones from those they were made of. Tells whether anything was changed.
    """
    oldest = datetime.fromtimestamp(now - METRIC_SECONDS, UTC)
    kept: list[Any] = []
    merged: dict[tuple[Any, ...], Any] = {}
    for datum in backend.metric_data:
        if _aware(datum.timestamp) < oldest:
            continue
        if hasattr(datum, "sample_count"):
            dimensions = tuple((dimension.name, dimension.value) for dimension in datum.dimensions)
            first = merged.setdefault((datum.namespace, datum.name, dimensions, datum.unit, datum.timestamp), datum)
            if first is not datum:
                first.min, first.max = min(first.min, datum.min), max(first.max, datum.max)
                first.sum += datum.sum
                first.sample_count += datum.sample_count
                continue
        kept.append(datum)
    changed = len(kept) < len(backend.metric_data)
    backend.metric_data[:] = kept
    return changed


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def trim_logs(backend: Any, now: float) -> bool:
    """Drop log events beyond their group's retention or ``GROUP_EVENTS``; tells whether there were any.

    ``now`` in Unix seconds. Streams stay when they are empty, as on AWS.
    """
    changed = False
    for group in backend.groups.values():
        times = sorted(event.timestamp for stream in group.streams.values() for event in stream.events)
        oldest = times[-GROUP_EVENTS] if len(times) > GROUP_EVENTS else 0
        if group.retention_in_days:
            oldest = max(oldest, (now - int(group.retention_in_days) * _DAY) * 1000)
        if not times or times[0] >= oldest:
            continue
        changed = True
        for stream in group.streams.values():
            kept = [event for event in stream.events if event.timestamp >= oldest]
            stream.stored_bytes -= sum(len(event.message) for event in stream.events if event.timestamp < oldest)
            stream.events = kept
    return changed
