"""Which objects a scan reads: the partitions that the WHERE clause leaves, and what lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from salespipe.local.athena.casts import cast
from salespipe.local.athena.objects import S3Object, listed
from salespipe.local.athena.plan import PATH, Expr, Scan
from salespipe.local.athena.projection import Projection
from salespipe.local.athena.pruning import refuse_injected
from salespipe.local.athena.session import Session
from salespipe.local.athena.types import Type, quoted

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Located:
    """An object with the values of the partition that it lies in."""

    object: S3Object
    values: tuple[str, ...]


def objects(scan: Scan, session: Session, s3: Any, connection: duckdb.DuckDBPyConnection) -> list[Located]:
    """What a scan has to read."""
    found = _in_partitions(scan, session, s3, connection)
    if not scan.paths or not found:
        return found
    listed = f"SELECT unnest(?) AS {quoted(PATH)}"
    conditions = " AND ".join(f"({condition})" for condition in scan.paths)
    sql = f"SELECT {quoted(PATH)} FROM ({listed}) AS {quoted(scan.alias)} WHERE {conditions}"
    chosen = {row[0] for row in connection.execute(sql, [[one.object.location for one in found]]).fetchall()}
    return [one for one in found if one.object.location in chosen]


def _in_partitions(scan: Scan, session: Session, s3: Any, connection: duckdb.DuckDBPyConnection) -> list[Located]:
    table = scan.table
    if not table.partition_keys:
        return [Located(one, ()) for one in listed(s3, _folder(table.location))]
    if table.projected:
        return _projected(scan, s3, connection, session.now)
    known = session.catalog.partitions(table)
    chosen = _kept(scan, [partition.values for partition in known], connection)
    kept = [partition for partition in known if partition.values in chosen]
    return _located([(_folder(partition.location), partition.values) for partition in kept], s3)


def _projected(scan: Scan, s3: Any, connection: duckdb.DuckDBPyConnection, now: float) -> list[Located]:
    projection = Projection(scan.table, now)
    for name in projection.injected:
        if not any(quoted(name) in condition for condition in scan.conditions):
            raise refuse_injected(name)
    found = []
    for one in listed(s3, projection.prefix):
        values = projection.values(one.location)
        if values is not None:
            found.append(Located(one, values))
    chosen = _kept(scan, list({one.values for one in found}), connection)
    return [one for one in found if one.values in chosen]


def _located(partitions: Sequence[tuple[str, tuple[str, ...]]], s3: Any) -> list[Located]:
    """The objects of catalog partitions, from one listing of what their locations have in common."""
    by_bucket: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for location, values in partitions:
        by_bucket.setdefault(location.split("/")[2], []).append((location, values))
    found = []
    for bucket, inside in by_bucket.items():
        common = _shared([location for location, _ in inside])
        if len(common) < len(f"s3://{bucket}/"):
            common = f"s3://{bucket}/"
        by_location = dict(inside)
        for one in listed(s3, common):
            location = one.location
            while (location := location.rpartition("/")[0]) and len(location) > len(bucket):
                if f"{location}/" in by_location:
                    found.append(Located(one, by_location[f"{location}/"]))
                    break
    return found


def _shared(locations: Sequence[str]) -> str:
    """The text that all of them begin with: the least and the greatest differ first."""
    low, high = min(locations), max(locations)
    same = next((place for place, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    return low[:same]


def _kept(scan: Scan, values: Sequence[tuple[str, ...]], connection: duckdb.DuckDBPyConnection) -> set[tuple[str, ...]]:
    """The partitions for which every condition holds; DuckDB evaluates them as it would in the query."""
    if not scan.conditions or not values:
        return set(values)
    keys = scan.table.partition_keys
    columns = ", ".join(f"{typed(f'v{n}', key.type)} AS {quoted(key.name)}" for n, key in enumerate(keys))
    names = ", ".join(f"v{n}" for n in range(len(keys)))
    marks = ", ".join(f"({', '.join('?' * len(keys))})" for _ in values)
    conditions = " AND ".join(f"({condition})" for condition in scan.conditions)
    known = f"SELECT {names}, {columns} FROM (VALUES {marks}) AS known({names})"
    sql = f"SELECT {names} FROM ({known}) AS {quoted(scan.alias)} WHERE {conditions}"
    flat = [value for row in values for value in row]
    return {tuple(map(str, row)) for row in connection.execute(sql, flat).fetchall()}


def typed(sql: str, kind: Type) -> str:
    """A partition value, text in the catalog, as its column's type."""
    text = f"nullif({sql}, '{HIVE_NULL}')"
    return text if kind.text else cast(Expr(text, Type("varchar")), kind)


def _folder(location: str) -> str:
    location = location.replace("s3a://", "s3://", 1).replace("s3n://", "s3://", 1)
    return location if location.endswith("/") else f"{location}/"
