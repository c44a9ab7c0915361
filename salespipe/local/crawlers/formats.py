"""Classification: what the bytes of an object are, which columns they hold, and how a table says so."""

from __future__ import annotations

import bz2
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from salespipe.local.crawlers.csv_files import CsvSettings, csv_shape, settings_of
from salespipe.local.crawlers.json_path import RowPath
from salespipe.local.crawlers.types import Columns, columns_of

UNKNOWN: Final = "UNKNOWN"
"""The classification of what no classifier recognises."""
PARQUET_MAGIC: Final = b"PAR1"
_TEXT_LIMIT: Final = 1 << 20  # bytes looked at after decompression


@dataclass(frozen=True, slots=True)
class TableFormat:
    """How the objects of a table are read: its classification, SerDe, Hive formats, and table parameters."""

    classification: str
    serde: str
    serde_parameters: dict[str, str] = field(default_factory=dict, hash=False)
    parameters: dict[str, str] = field(default_factory=dict, hash=False)
    input_format: str = "org.apache.hadoop.mapred.TextInputFormat"
    output_format: str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


JSON: Final = TableFormat("json", "org.openx.data.jsonserde.JsonSerDe")
NOTHING: Final = TableFormat(UNKNOWN, "")
PARQUET: Final = TableFormat(
    "parquet",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    {"serialization.format": "1"},
    input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What an object turned out to be.

    ``records`` were found in ``read`` bytes of text; ``compression`` is gzip, bzip2 or none.
    """

    form: TableFormat
    columns: Columns
    records: int
    read: int
    compression: str = "none"


Classifier = RowPath | CsvSettings


def classifier_of(definition: dict[str, Any]) -> Classifier | None:
    """The custom classifier that a ``Classifier`` of the Glue API describes; None for Grok and XML.

    Raises ``ValueError`` for a JSON path that is none.
    """
    if "JsonClassifier" in definition:
        return RowPath(definition["JsonClassifier"]["JsonPath"])
    if "CsvClassifier" in definition:
        return settings_of(definition["CsvClassifier"])
    return None


def classify(data: bytes, classifiers: Sequence[Classifier], *, whole: bool) -> Sample:
    """Classify an object by its first bytes: custom classifiers in their order, then JSON, then CSV.

    ``whole`` tells whether ``data`` is all of it; if not, what follows the last line break is left out. Parquet is for
    ``parquet_sample``.
    """
    plain, compression, complete = _decompressed(data)
    text = plain if whole and complete else plain[: plain.rfind(b"\n") + 1] or plain
    documents = _documents(text)
    for classifier in (*classifiers, None, CsvSettings()):
        sample = _sample(text, documents, classifier)
        if sample is not None:
            return Sample(sample.form, sample.columns, sample.records, len(text), compression)
    return Sample(NOTHING, {}, 0, len(text), compression)


def _sample(text: bytes, documents: list[Any], classifier: Classifier | None) -> Sample | None:
    if isinstance(classifier, CsvSettings):
        return None if documents else _csv_sample(text, classifier)
    rows = list(classifier.rows(documents)) if classifier else [_built_in(document) for document in documents]
    return Sample(JSON, columns_of(rows), len(rows), 0) if rows else None


def _built_in(document: Any) -> dict[str, Any]:
    """A document as the built-in JSON classifier sees it: a top-level array is one column of that name."""
    return document if isinstance(document, dict) else {"array": document}


def _decompressed(data: bytes) -> tuple[bytes, str, bool]:
    """The first part of the plain bytes, the compression, and whether it is all of them."""
    if data.startswith(b"\x1f\x8b"):
        plain, complete = _gunzipped(data)
        return plain, "gzip", complete
    if data.startswith(b"BZh"):
        reader = bz2.BZ2Decompressor()
        try:
            plain = reader.decompress(data, _TEXT_LIMIT)
        except OSError:
            return b"", "bzip2", False
        return plain, "bzip2", reader.eof
    return data[:_TEXT_LIMIT], "none", len(data) <= _TEXT_LIMIT


def _gunzipped(data: bytes) -> tuple[bytes, bool]:
    """As much as is wanted of one or more gzip members, which appended objects consist of; damage ends it."""
    plain, rest = b"", data
    while rest and len(plain) < _TEXT_LIMIT:
        member = zlib.decompressobj(31)
        try:
            plain += member.decompress(rest, _TEXT_LIMIT - len(plain))
        except zlib.error:
            return plain, False
        if not member.eof:
            return plain, False
        rest = member.unused_data
    return plain, not rest


_decoder: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder()


def _documents(text: bytes) -> list[Any]:
    """The objects and arrays in ``text``: one a line, or one after another; empty when it is not JSON."""
    if text.lstrip()[:1] not in {b"{", b"["}:
        return []
    try:
        found = _decoder.decode_lines(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = _decoded_lines(text) or _concatenated(text)
    return [document for document in found if isinstance(document, dict | list)]


def _decoded_lines(text: bytes) -> list[Any]:
    """The lines that are JSON, if those are most of them: a few damaged ones do not make it another format."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = []
    for line in lines:
        try:
            found.append(_decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    good = [document for document in found if isinstance(document, dict | list)]
    return good if len(good) * 2 > len(lines) else []


def _concatenated(text: bytes) -> list[Any]:
    """JSON texts that follow each other, over lines or on one."""
    decoder, plain, position, found = json.JSONDecoder(), text.decode(errors="replace"), 0, []
    while position < len(plain):
        if plain[position].isspace():
            position += 1
            continue
        try:
            document, position = decoder.raw_decode(plain, position)
        except ValueError:
            break
        found.append(document)
    return found


def _csv_sample(text: bytes, settings: CsvSettings) -> Sample | None:
    try:
        plain = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    shape = csv_shape(plain, settings) if plain.strip() and "\0" not in plain else None
    if shape is None:
        return None
    parameters = {"delimiter": shape.delimiter, "columnsOrdered": "true", "areColumnsQuoted": "false"}
    if shape.has_header:
        parameters["skip.header.line.count"] = "1"
    if settings.serde == "OpenCSVSerDe":
        serde = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
        serde_parameters = {"separatorChar": shape.delimiter, "quoteChar": settings.quote, "escapeChar": "\\"}
    else:
        serde = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
        serde_parameters = {"field.delim": shape.delimiter}
    return Sample(TableFormat("csv", serde, serde_parameters, parameters), shape.columns, shape.rows, 0)
