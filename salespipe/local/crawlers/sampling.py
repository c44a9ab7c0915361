"""Sampling: which objects of a crawl are looked at, and what they say about the folder they lie in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from salespipe.local.crawlers.formats import NOTHING, PARQUET_MAGIC, UNKNOWN, Classifier, Sample, classify
from salespipe.local.crawlers.listing import Folder, S3Object
from salespipe.local.crawlers.types import Columns, merge_columns

_OBJECTS: Final = 100  # of a whole crawl
_OBJECTS_IN_FOLDER: Final = 10
_BYTES: Final = 256 << 10  # of one object, as stored


class CrawlCancelled(Exception):  # noqa: N818 - it is no error: somebody asked for it
    """The crawl was stopped from outside."""


@dataclass(frozen=True, slots=True)
class FolderSample:
    """A folder and what its sampled objects have in common; ``sample`` is None when none of them was looked at.

    ``stored`` are the sampled objects' bytes as stored.
    """

    folder: Folder
    sample: Sample | None
    stored: int = 0

    @property
    def columns(self) -> Columns:
        """The columns found, none when nothing was looked at."""
        return self.sample.columns if self.sample else {}


class Sampler:
    """Looks at objects of one bucket through ``s3``; ``check`` raises when the crawl is to end early.

    ``size`` is the target's SampleSize, objects a folder, or 0 for as many as keep a crawl short.
    """

    def __init__(
        self, s3: Any, bucket: str, classifiers: Sequence[Classifier], check: Callable[[], None], *, size: int = 0
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._classifiers = classifiers
        self._check = check
        self._size = size

    def sample(self, folders: Sequence[Folder], known: set[tuple[str, ...]]) -> list[FolderSample]:
        """Every folder with its sample, new ones (not in ``known``) first, since the rest was looked at before."""
        ordered = sorted(folders, key=lambda folder: (folder.path not in known, folder.path), reverse=True)
        each = self._size or max(1, min(_OBJECTS_IN_FOLDER, _OBJECTS // max(1, len(folders))))
        left = len(folders) * each if self._size else _OBJECTS
        found = []
        for folder in ordered:
            chosen = _chosen(folder.objects, min(each, left), newest=folder.path in known)
            left -= len(chosen)
            samples = [(one, self._look(one)) for one in chosen]
            found.append(_summary(folder, samples))
        return sorted(found, key=lambda each: each.folder.path)

    def _look(self, one: S3Object) -> Sample:
        self._check()
        part = {"Range": f"bytes=0-{_BYTES - 1}"} if one.size > _BYTES else {}
        data = self._s3.get_object(Bucket=self._bucket, Key=one.key, **part)["Body"].read()
        if data.startswith(PARQUET_MAGIC):
            from salespipe.local.crawlers.parquet_files import parquet_sample

            # A Parquet file's schema is at its end.
            whole = self._s3.get_object(Bucket=self._bucket, Key=one.key)["Body"].read() if part else data
            return parquet_sample(whole)
        return classify(data, self._classifiers, whole=not part)


def _chosen(objects: Sequence[S3Object], count: int, *, newest: bool) -> list[S3Object]:
    """The newest by key, or some of all ages: the first, the last, and between them evenly."""
    if count <= 0:
        return []
    if len(objects) <= count:
        return list(objects)
    if newest or count == 1:
        return list(objects[-count:])
    return [objects[index * (len(objects) - 1) // (count - 1)] for index in range(count)]


def _summary(folder: Folder, samples: Sequence[tuple[S3Object, Sample]]) -> FolderSample:
    """One sample of a folder: the format of most of its objects, their columns merged."""
    if not samples:
        return FolderSample(folder, None)
    forms = Counter(sample.form.classification for _, sample in samples if sample.form.classification != UNKNOWN)
    if not forms:
        return FolderSample(folder, Sample(NOTHING, {}, 0, 0))
    most = forms.most_common(1)[0][0]
    alike = [(one, sample) for one, sample in samples if sample.form.classification == most]
    columns: Columns = {}
    for _, sample in alike:
        columns = merge_columns(columns, sample.columns)
    first = alike[0][1]
    records, read = sum(sample.records for _, sample in alike), sum(sample.read for _, sample in alike)
    stored = sum(min(one.size, _BYTES) for one, _ in alike)
    return FolderSample(folder, Sample(first.form, columns, records, read, first.compression), stored)
