"""What lies in the bucket and is none of the pipeline's, and lines that cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from salespipe.trust.proof.findings import Finding, Findings, Kind, Stage

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.proof.lake import Lake

_NAMED: Final = 5


def tell(aws: Aws, lake: Lake, findings: Findings, remarks: list[str]) -> None:
    """Add what is to be said of them. What is elsewhere in the bucket harms nobody, and is only remarked."""
    for key, why in lake.strays:
        in_lake = key.startswith(aws.names.events_prefix)
        told = f"{key}: {why}" + ("; queries of the lake read it all the same" if in_lake else "")
        if in_lake:
            findings.add(Finding(kind=Kind.UNEXPECTED, stage=Stage.LAKE, order="", detail=told))
        else:
            remarks.append(f"{told}.")
    _tell_of_unread(lake, findings)
    if found := _elsewhere(aws):
        named = ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
        remarks.append(f"The bucket {aws.names.bucket} also holds {named}: none of the pipeline's.")


def _tell_of_unread(lake: Lake, findings: Findings) -> None:
    """A line that does not tell whose it is, is the event's that is missing, where there is one for each."""
    lost = [each for each in findings.listed if (each.kind, each.stage) == (Kind.LOST, Stage.LAKE) and each.event_id]
    if lost and len(lost) == len(lake.unread) == findings.counts[Kind.LOST, Stage.LAKE]:
        places = ", ".join(f"line {line} of {key}" for key, line in lake.unread[:_NAMED])
        for finding in lost:
            findings.take_back(finding)
            findings.add(replace(finding, kind=Kind.WRONG, detail=f"its line cannot be read: {places}"))
        return
    for key, line in lake.unread:
        told = f"line {line} of {key} cannot be read, and does not tell whose it is"
        findings.add(Finding(kind=Kind.WRONG, stage=Stage.LAKE, order="", detail=told))


def _elsewhere(aws: Aws) -> list[str]:
    """Folders and objects at the top of the bucket that the pipeline does not use."""
    names = aws.names
    own = {names.events_prefix, names.products_prefix, names.errors_prefix, names.results_prefix}
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=names.bucket, Delimiter="/")
    found = []
    for page in pages:
        found += [each["Prefix"] for each in page.get("CommonPrefixes", ()) if each["Prefix"] not in own]
        found += [each["Key"] for each in page.get("Contents", ())]
    return found
