import json

import pytest

from salespipe.local.event_pattern import EventPatternError, compile_pattern

EVENT = {
    "eventName": "INSERT",
    "count": 5,
    "price": 19.5,
    "flag": True,
    "nothing": None,
    "ip": "10.0.0.7",
    "tags": ["red", "green"],
    "empty": [],
    "file": "orders/2026/a*b.png",
    "dynamodb": {"Keys": {"orderid": {"S": "o-1"}}},
    "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}],
}

MATCHING = [
    {"eventName": ["INSERT", "MODIFY"]},
    {"dynamodb": {"Keys": {"orderid": {"S": ["o-1"]}}}},
    {"eventName": [{"prefix": "INS"}]},
    {"eventName": [{"prefix": {"equals-ignore-case": "ins"}}]},
    {"eventName": [{"suffix": "ERT"}]},
    {"file": [{"suffix": {"equals-ignore-case": ".PNG"}}]},
    {"eventName": [{"equals-ignore-case": "insert"}]},
    {"eventName": [{"anything-but": "REMOVE"}]},
    {"eventName": [{"anything-but": ["REMOVE", "MODIFY"]}]},
    {"count": [{"anything-but": 6}]},
    {"eventName": [{"anything-but": {"prefix": "REM"}}]},
    {"eventName": [{"anything-but": {"suffix": ["FY", "OVE"]}}]},
    {"eventName": [{"anything-but": {"wildcard": "*OVE"}}]},
    {"eventName": [{"anything-but": {"equals-ignore-case": ["remove", "modify"]}}]},
    {"count": [{"numeric": ["=", 5]}]},
    {"price": [{"numeric": [">", 0, "<=", 19.5]}]},
    {"count": [5.0]},
    {"flag": [True]},
    {"nothing": [None]},
    {"nothing": [{"exists": True}]},
    {"missing": [{"exists": False}]},
    {"missing": {"deeper": [{"exists": False}]}},
    {"dynamodb": [{"exists": False}]},
    {"empty": [{"exists": False}]},
    {"ip": [{"cidr": "10.0.0.0/24"}]},
    {"tags": ["green"]},
    {"file": [{"wildcard": "orders/*.png"}]},
    {"file": [{"wildcard": "*a\\*b*"}]},
    {"lines": {"sku": ["b"], "n": [{"numeric": [">", 1]}]}},
    {"$or": [{"eventName": ["REMOVE"]}, {"count": [5]}]},
    {"eventName": ["INSERT"], "$or": [{"flag": [False]}, {"ip": [{"prefix": "10."}]}]},
    {"missing": ["x", {"exists": False}]},
]

NOT_MATCHING = [
    {"eventName": ["REMOVE"]},
    {"eventName": ["insert"]},
    {"eventName": ["INSERT"], "count": [6]},
    {"count": ["5"]},
    {"count": [True]},
    {"flag": [1]},
    {"nothing": ["null"]},
    {"missing": [{"anything-but": "x"}]},
    {"eventName": [{"anything-but": "INSERT"}]},
    {"eventName": [{"anything-but": {"wildcard": "I*T"}}]},
    {"count": [{"numeric": [">", 5]}]},
    {"eventName": [{"numeric": [">", 0]}]},
    {"dynamodb": [{"exists": True}]},
    {"eventName": [{"exists": False}]},
    {"ip": [{"cidr": "10.0.1.0/24"}]},
    {"eventName": [{"cidr": "10.0.1.0/24"}]},
    {"file": [{"wildcard": "*a\\*c*"}]},
    {"lines": {"sku": ["a"], "n": [2]}},
    {"$or": [{"eventName": ["REMOVE"]}, {"count": [6]}]},
    {"eventName": {"deeper": ["x"]}},
]

INVALID = [
    ("[1]", "not an object"),
    ("{", "not valid JSON"),
    ('{"a": ["x"], "a": ["y"]}', "twice"),
    ("{}", "Empty objects"),
    ('{"a": []}', "Empty arrays"),
    ('{"a": "x"}', '"a" must be an object or an array'),
    ('{"a": [{"regex": "x"}]}', "Unrecognized match type regex"),
    ('{"a": [{"prefix": 1}]}', "prefix match pattern must be a string"),
    ('{"a": [{"exists": "yes"}]}', "true or false"),
    ('{"a": [{"numeric": ["~", 1]}]}', "operator: ~"),
    ('{"a": [{"numeric": [">", "1"]}]}', "must be a number"),
    ('{"a": [{"numeric": [">", 1, ">", 2]}]}', "Too many elements"),
    ('{"a": [{"wildcard": "a**b"}]}', "Consecutive wildcard"),
    ('{"a": [{"cidr": "10.0.0.0/99"}]}', "Malformed CIDR"),
    ('{"a": [{"anything-but": []}]}', "Empty arrays"),
    ('{"a": [{"anything-but": {"cidr": "x"}}]}', "Unsupported anything-but"),
    ('{"$or": [{"a": ["x"]}]}', "two or more"),
]


@pytest.mark.parametrize("pattern", MATCHING, ids=json.dumps)
def test_what_matches(pattern: dict[str, object]) -> None:
    assert compile_pattern(json.dumps(pattern))(EVENT)


@pytest.mark.parametrize("pattern", NOT_MATCHING, ids=json.dumps)
def test_what_does_not_match(pattern: dict[str, object]) -> None:
    assert not compile_pattern(json.dumps(pattern))(EVENT)


@pytest.mark.parametrize(("text", "reason"), INVALID)
def test_what_is_refused_and_why(text: str, reason: str) -> None:
    with pytest.raises(EventPatternError, match=r"Event pattern is not valid\. Reason: ") as caught:
        compile_pattern(text)
    assert reason in str(caught.value)
