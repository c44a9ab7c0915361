from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salespipe.local.api import AwsError
from salespipe.local.dynamodb.values import canonical_item, canonical_number, key_bytes

numbers = st.builds(
    lambda digits, exponent, negative: f"{'-' if negative else ''}{digits}E{exponent}",
    st.integers(0, 10**38 - 1),
    st.integers(-130, 88),
    st.booleans(),
)


def value_of(children):
    return st.one_of(
        st.builds(lambda members: {"L": members}, st.lists(children, max_size=3)),
        st.builds(lambda members: {"M": members}, st.dictionaries(st.text(max_size=5), children, max_size=3)),
    )


scalars = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=10)),
    st.builds(lambda number: {"N": number}, numbers),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda members: {"SS": members}, st.lists(st.text(max_size=4), min_size=1, max_size=4, unique=True)),
)
items = st.dictionaries(st.text(max_size=8), st.recursive(scalars, value_of, max_leaves=8), max_size=5)


@settings(deadline=None)
@given(numbers)
def test_a_canonical_number_is_the_same_number_and_stays_so(text):
    canonical = canonical_number(text)
    assert Decimal(canonical) == Decimal(text)
    assert canonical_number(canonical) == canonical
    assert "E" not in canonical
    assert canonical == "0" or "." not in canonical or not canonical.endswith("0")


@settings(deadline=None)
@given(numbers, numbers)
def test_number_keys_sort_as_numbers(one, other):
    first, second = canonical_number(one), canonical_number(other)
    as_bytes = key_bytes("N", first) < key_bytes("N", second)
    assert as_bytes == (Decimal(first) < Decimal(second))
    assert (key_bytes("N", first) == key_bytes("N", second)) == (Decimal(first) == Decimal(second))


@settings(deadline=None)
@given(st.text(), st.text())
def test_string_keys_sort_by_their_characters(one, other):
    assert (key_bytes("S", one) < key_bytes("S", other)) == (one < other)


@settings(deadline=None)
@given(items)
def test_a_canonical_item_is_canonical(item):
    canonical, size = canonical_item(item)
    assert canonical_item(canonical) == (canonical, size)
    assert msgspec.json.decode(msgspec.json.encode(canonical)) == canonical


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"a": {"S": "xyz"}}, 4),
        ({"name": {"S": "Zoë"}}, 8),
        ({"n": {"N": "123"}}, 1 + 3),
        ({"n": {"N": "-12.5"}}, 1 + 4),
        ({"b": {"B": "AAEC"}}, 1 + 3),
        ({"t": {"BOOL": True}}, 2),
        ({"m": {"M": {"k": {"S": "v"}}}}, 1 + 3 + 1 + 2),
    ],
)
def test_sizes_are_counted_as_dynamodb_counts_them(item, size):
    assert canonical_item(item)[1] == size


@pytest.mark.parametrize(
    ("item", "code", "message"),
    [
        ({"a": {}}, "ValidationException", "Supplied AttributeValue is empty"),
        ({"a": {"S": "x", "N": "1"}}, "ValidationException", "more than one datatypes"),
        ({"a": {"X": "x"}}, "ValidationException", "Supplied AttributeValue is empty"),
        ({"a": {"S": 5}}, "SerializationException", "String"),
        ({"a": {"N": 5}}, "SerializationException", "NUMBER_VALUE cannot be converted to String"),
        ({"a": {"B": "no base64!"}}, "SerializationException", "Blob"),
        ({"a": {"BOOL": "true"}}, "SerializationException", "Boolean"),
        ({"a": {"L": {}}}, "SerializationException", "list"),
        ({"a": {"M": []}}, "SerializationException", "map"),
        ({"a": {"SS": "x"}}, "SerializationException", "list"),
        ({"a": "x"}, "SerializationException", "structure"),
        ("x", "SerializationException", "structure"),
        (None, "SerializationException", "structure"),
    ],
)
def test_what_is_no_attribute_value_is_refused(item, code, message):
    with pytest.raises(AwsError) as caught:
        canonical_item(item)
    assert caught.value.code == code
    assert message in caught.value.message


def test_nesting_ends_at_32_levels():
    def nested(levels):
        value = {"S": "x"}
        for _ in range(levels):
            value = {"L": [value]}
        return {"a": value}

    canonical_item(nested(31))
    with pytest.raises(AwsError, match="Nesting Levels have exceeded supported limits"):
        canonical_item(nested(33))
