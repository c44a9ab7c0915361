"""Text, regular expressions and binary."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from salespipe.local.athena.functions.registry import declared
from salespipe.local.athena.plan import Expr
from salespipe.local.athena.types import Type

_TABLE: Final = """
lower(varchar) -> varchar = lower({0})
upper(varchar) -> varchar = upper({0})
length(varchar) -> bigint = length({0})
length(varbinary) -> bigint = octet_length({0})
reverse(varchar) -> varchar = reverse({0})
reverse(array(T)) -> array(T) = list_reverse({0})
trim(varchar) -> varchar = trim({0})
ltrim(varchar) -> varchar = ltrim({0})
rtrim(varchar) -> varchar = rtrim({0})
concat(varchar...) -> varchar = @joined
concat(array(T)...) -> array(T) = @joined
concat_ws(varchar, array(varchar)) -> varchar = array_to_string(list_filter({1}, lambda x: x IS NOT NULL), {0})
concat_ws(varchar, varchar...) -> varchar = concat_ws({all})
substr(varchar, bigint) -> varchar = trino_substr({0}, {1}, NULL)
substr(varchar, bigint, bigint) -> varchar = trino_substr({0}, {1}, {2})
substring(varchar, bigint) -> varchar = trino_substr({0}, {1}, NULL)
substring(varchar, bigint, bigint) -> varchar = trino_substr({0}, {1}, {2})
replace(varchar, varchar) -> varchar = replace({0}, {1}, '')
replace(varchar, varchar, varchar) -> varchar = replace({0}, {1}, {2})
strpos(varchar, varchar) -> bigint = strpos({0}, {1})
position(varchar, varchar) -> bigint = strpos({1}, {0})
starts_with(varchar, varchar) -> boolean = starts_with({0}, {1})
split(varchar, varchar) -> array(varchar) = string_split({0}, {1})
split(varchar, varchar, bigint) -> array(varchar) = trino_split({0}, {1}, {2})
split_part(varchar, varchar, bigint) -> varchar = trino_split_part({0}, {1}, {2})
split_to_map(varchar, varchar, varchar) -> map(varchar, varchar) = trino_split_to_map({0}, {1}, {2})
lpad(varchar, bigint, varchar) -> varchar = lpad({0}, CAST({1} AS INTEGER), {2})
rpad(varchar, bigint, varchar) -> varchar = rpad({0}, CAST({1} AS INTEGER), {2})
chr(bigint) -> varchar = chr(CAST({0} AS INTEGER))
codepoint(varchar) -> integer = unicode({0})
translate(varchar, varchar, varchar) -> varchar = translate({0}, {1}, {2})
levenshtein_distance(varchar, varchar) -> bigint = levenshtein({0}, {1})
hamming_distance(varchar, varchar) -> bigint = hamming({0}, {1})
normalize(varchar) -> varchar = nfc_normalize({0})
regexp_like(varchar, varchar) -> boolean = regexp_matches({0}, {1})
regexp_extract(varchar, varchar) -> varchar = trino_regexp_extract({0}, {1}, 0)
regexp_extract(varchar, varchar, bigint) -> varchar = trino_regexp_extract({0}, {1}, {2})
regexp_extract_all(varchar, varchar) -> array(varchar) = regexp_extract_all({0}, {1})
regexp_extract_all(varchar, varchar, bigint) -> array(varchar) = regexp_extract_all({0}, {1}, CAST({2} AS INTEGER))
regexp_replace(varchar, varchar) -> varchar = regexp_replace({0}, {1}, '', 'g')
regexp_replace(varchar, varchar, varchar) -> varchar = regexp_replace({0}, {1}, trino_replacement({2}), 'g')
regexp_count(varchar, varchar) -> bigint = len(regexp_extract_all({0}, {1}))
regexp_split(varchar, varchar) -> array(varchar) = string_split_regex({0}, {1})
to_utf8(varchar) -> varbinary = encode({0})
from_utf8(varbinary) -> varchar = decode({0})
to_hex(varbinary) -> varchar = hex({0})
from_hex(varchar) -> varbinary = unhex({0})
to_base64(varbinary) -> varchar = base64({0})
from_base64(varchar) -> varbinary = from_base64({0})
md5(varbinary) -> varbinary = unhex(md5({0}))
sha1(varbinary) -> varbinary = unhex(sha1({0}))
sha256(varbinary) -> varbinary = unhex(sha256({0}))
url_encode(varchar) -> varchar = url_encode({0})
url_decode(varchar) -> varchar = url_decode({0})
url_extract_host(varchar) -> varchar = nullif(regexp_extract({0}, '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?([^/:?#]*)', 1), '')
url_extract_path(varchar) -> varchar = regexp_extract({0}, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*([^?#]*)', 1)
url_extract_protocol(varchar) -> varchar = nullif(regexp_extract({0}, '^([a-zA-Z][a-zA-Z0-9+.-]*):', 1), '')
url_extract_query(varchar) -> varchar = nullif(regexp_extract({0}, '[?]([^#]*)', 1), '')
uuid() -> uuid = uuid()
"""


def _joined(args: Sequence[Expr], _result: Type) -> str:
    """DuckDB's concat passes over NULL, Trino's answers NULL, as || does in both."""
    return f"({' || '.join(arg.sql for arg in args)})"


FUNCTIONS: Final = tuple(declared(_TABLE, {"joined": _joined}))

MACROS: Final = {
    # A start of 0 or beyond the text gives the empty text; a negative one counts from the end.
    "trino_substr": """(s, f, n) AS CASE
        WHEN s IS NULL OR f IS NULL THEN NULL
        WHEN f = 0 OR abs(f) > length(s) THEN ''
        WHEN n IS NULL THEN substr(s, f) ELSE substr(s, f, greatest(n, 0)) END""",
    "trino_split": """(s, d, n) AS CASE WHEN len(string_split(s, d)) <= n THEN string_split(s, d)
        ELSE list_append(string_split(s, d)[:n - 1], array_to_string(string_split(s, d)[n:], d)) END""",
    # DuckDB gives '' for a part that is not there, Trino NULL; an index below 1 is an error there.
    "trino_split_part": """(s, d, n) AS string_split(s, d)[CASE WHEN n > 0 THEN n ELSE CAST(chr(31) ||
        'INVALID_FUNCTION_ARGUMENT: Index must be greater than zero' || chr(31) AS BIGINT) END]""",
    "trino_split_to_map": """(s, d, k) AS map_from_entries(list_transform(string_split(s, d),
        lambda e: {'k': split_part(e, k, 1), 'v': substr(e, strpos(e, k) + length(k))}))""",
    # Without a match DuckDB gives the empty text, Trino NULL; a group that took no part is NULL in Trino too.
    "trino_regexp_extract": "(s, p, g) AS regexp_extract_all(s, p, CAST(g AS INTEGER))[1]",
    # Java's replacement text says $1 and \\$ where RE2's says \\1 and $.
    "trino_replacement": r"(t) AS replace(regexp_replace(t, '(^|[^\\])\$(\d)', '\1\\\2', 'g'), '\$', '$')",
}
