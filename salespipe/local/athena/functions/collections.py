"""Arrays, maps and JSON."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from salespipe.local.athena.functions.registry import Build, declared
from salespipe.local.athena.plan import Expr
from salespipe.local.athena.types import Type

_TABLE: Final = """
cardinality(array(T)) -> bigint = len({0})
cardinality(map(K, V)) -> bigint = CAST(cardinality({0}) AS BIGINT)
element_at(array(T), bigint) -> T = trino_element_at({0}, {1})
element_at(map(K, V), K) -> V = {0}[{1}]
contains(array(T), T) -> boolean = trino_contains({0}, {1})
array_position(array(T), T) -> bigint = coalesce(list_position({0}, {1}), CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN 0 END)
array_distinct(array(T)) -> array(T) = trino_array_distinct({0})
array_sort(array(T)) -> array(T) = list_sort({0}, 'ASC', 'NULLS LAST')
array_max(array(T)) -> T = trino_array_extreme({0}, list_max({0}))
array_min(array(T)) -> T = trino_array_extreme({0}, list_min({0}))
array_sum(array(T)) -> T = CAST(list_sum({0}) AS {r})
array_average(array(double)) -> double = list_avg({0})
array_join(array(T), varchar) -> varchar = array_to_string(list_filter(CAST({0} AS VARCHAR[]), lambda x: x IS NOT NULL), {1})
array_join(array(T), varchar, varchar) -> varchar = array_to_string(list_transform(CAST({0} AS VARCHAR[]), lambda x: coalesce(x, {2})), {1})
array_intersect(array(T), array(T)) -> array(T) = list_intersect({0}, {1})
array_union(array(T), array(T)) -> array(T) = trino_array_distinct(list_concat({0}, {1}))
array_except(array(T), array(T)) -> array(T) = trino_array_distinct(list_filter({0}, lambda x: NOT list_contains({1}, x)))
array_remove(array(T), T) -> array(T) = list_filter({0}, lambda x: x <> {1})
arrays_overlap(array(T), array(T)) -> boolean = list_has_any({0}, {1})
flatten(array(array(T))) -> array(T) = flatten({0})
slice(array(T), bigint, bigint) -> array(T) = trino_slice({0}, {1}, {2})
repeat(T, bigint) -> array(T) = list_transform(range(0, {1}), lambda i: {0})
sequence(bigint, bigint) -> array(bigint) = generate_series({0}, {1}, CASE WHEN {0} <= {1} THEN 1 ELSE -1 END)
sequence(bigint, bigint, bigint) -> array(bigint) = generate_series({0}, {1}, {2})
sequence(date, date) -> array(date) = CAST(generate_series(CAST({0} AS TIMESTAMP), CAST({1} AS TIMESTAMP), INTERVAL 1 DAY) AS DATE[])
sequence(date, date, interval day to second) -> array(date) = CAST(generate_series(CAST({0} AS TIMESTAMP), CAST({1} AS TIMESTAMP), {2}) AS DATE[])
sequence(date, date, interval year to month) -> array(date) = CAST(generate_series(CAST({0} AS TIMESTAMP), CAST({1} AS TIMESTAMP), {2}) AS DATE[])
sequence(timestamp, timestamp, interval day to second) -> array(timestamp) = generate_series({0}, {1}, {2})
sequence(timestamp, timestamp, interval year to month) -> array(timestamp) = generate_series({0}, {1}, {2})
shuffle(array(T)) -> array(T) = list_sort({0})
filter(array(T), function(T, boolean)) -> array(T) = list_filter({0}, {1})
transform(array(T), function(T, U)) -> array(U) = list_transform({0}, {1})
any_match(array(T), function(T, boolean)) -> boolean = trino_any(list_transform({0}, {1}))
all_match(array(T), function(T, boolean)) -> boolean = trino_all(list_transform({0}, {1}))
none_match(array(T), function(T, boolean)) -> boolean = NOT trino_any(list_transform({0}, {1}))
reduce(array(T), S, function(S, T, S), function(S, R)) -> R = @reduce
zip(array(T), array(U)) -> array(row(T, U)) = list_transform(range(1, greatest(len({0}), len({1})) + 1), lambda i: struct_pack(field0 := {0}[i], field1 := {1}[i]))
zip_with(array(T), array(U), function(T, U, R)) -> array(R) = @zip_with
map() -> map(K, V) = MAP {{}}
map(array(K), array(V)) -> map(K, V) = map({0}, {1})
map_keys(map(K, V)) -> array(K) = map_keys({0})
map_values(map(K, V)) -> array(V) = map_values({0})
map_entries(map(K, V)) -> array(row(K, V)) = list_transform(map_entries({0}), lambda e: struct_pack(field0 := e.key, field1 := e.value))
map_concat(map(K, V)...) -> map(K, V) = map_concat({all})
map_from_entries(array(row(K, V))) -> map(K, V) = map_from_entries({0})
map_filter(map(K, V), function(K, V, boolean)) -> map(K, V) = @map_filter
transform_values(map(K, V), function(K, V, R)) -> map(K, R) = @transform_values
transform_keys(map(K, V), function(K, V, R)) -> map(R, V) = @transform_keys
json_parse(varchar) -> json = CAST({0} AS JSON)
json_format(json) -> varchar = CAST({0} AS VARCHAR)
json_extract(json, varchar) -> json = json_extract({0}, {1})
json_extract(varchar, varchar) -> json = trino_json_extract({0}, {1})
json_extract_scalar(json, varchar) -> varchar = trino_json_scalar({0}, {1})
json_extract_scalar(varchar, varchar) -> varchar = trino_json_scalar(trino_json({0}), {1})
json_array_length(json) -> bigint = trino_json_length({0})
json_array_length(varchar) -> bigint = trino_json_length(trino_json({0}))
json_array_get(json, bigint) -> json = json_extract({0}, CAST({1} AS BIGINT))
json_array_get(varchar, bigint) -> json = json_extract(trino_json({0}), CAST({1} AS BIGINT))
json_array_contains(json, varchar) -> boolean = list_contains(json_extract_string({0}, '$[*]'), {1})
json_array_contains(varchar, varchar) -> boolean = list_contains(json_extract_string(trino_json({0}), '$[*]'), {1})
json_array_contains(varchar, bigint) -> boolean = list_contains(json_extract_string(trino_json({0}), '$[*]'), CAST({1} AS VARCHAR))
json_size(json, varchar) -> bigint = trino_json_size(json_extract({0}, {1}))
json_size(varchar, varchar) -> bigint = trino_json_size(json_extract(trino_json({0}), {1}))
is_json_scalar(json) -> boolean = json_type({0}) NOT IN ('OBJECT', 'ARRAY')
is_json_scalar(varchar) -> boolean = json_type({0}) NOT IN ('OBJECT', 'ARRAY')
"""


def _reduce(args: Sequence[Expr], _result: Type) -> str:
    """The third argument comes as a lambda of two, the fourth of one, which a list of one element applies."""
    items, state, step, finish = (arg.sql for arg in args)
    return f"list_transform([list_reduce(CAST({items} AS {args[1].type.duck}[]), {step}, {state})], {finish})[1]"


def _zip_with(args: Sequence[Expr], _result: Type) -> str:
    one, other, body = args[0].sql, args[1].sql, args[2].value
    first, second, inner = body
    return (
        f"list_transform(range(1, greatest(len({one}), len({other})) + 1), "
        f"lambda place: list_transform([{{'a': {one}[place], 'b': {other}[place]}}], "
        f"lambda pair: {_with(inner, {first: 'pair.a', second: 'pair.b'})})[1])"
    )


def _with(body: str, replaced: dict[str, str]) -> str:
    for name, value in replaced.items():
        body = body.replace(name, value)
    return body


def _entries(result: str) -> str:
    return f"map_from_entries({result})"


def _map_filter(args: Sequence[Expr], _result: Type) -> str:
    key, value, body = args[1].value
    inner = _with(body, {key: "entry.key", value: "entry.value"})
    return _entries(f"list_filter(map_entries({args[0].sql}), lambda entry: {inner})")


def _transform(shape: str) -> Build:
    def build(args: Sequence[Expr], _result: Type) -> str:
        key, value, body = args[1].value
        inner = _with(body, {key: "entry.key", value: "entry.value"})
        return _entries(f"list_transform(map_entries({args[0].sql}), lambda entry: {shape.format(inner)})")

    return build


FUNCTIONS: Final = tuple(
    declared(
        _TABLE,
        {
            "reduce": _reduce,
            "zip_with": _zip_with,
            "map_filter": _map_filter,
            "transform_values": _transform("{{'k': entry.key, 'v': {0}}}"),
            "transform_keys": _transform("{{'k': {0}, 'v': entry.value}}"),
        },
    )
)
