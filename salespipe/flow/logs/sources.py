"""Who logs, and where: the log group of each part of the pipeline that has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from salespipe.aws import Aws
    from salespipe.names import Names


@dataclass(frozen=True, slots=True)
class Source:
    """A part of the pipeline that logs: to all streams of ``group``, or to ``stream`` alone.

    A crawler has the stream of its name in the group of all crawlers (Glue developer guide).
    """

    name: str
    group: str
    stream: str = ""


def sources(names: Names) -> tuple[Source, ...]:
    """Every source, in the order in which an order passes them."""
    return (
        Source("generator", names.function_log_group("generator")),
        Source("pipe", names.pipe_log_group),
        Source("firehose", names.delivery_log_group),
        Source("transform", names.function_log_group("transform")),
        Source("crawler", names.crawler_log_group, names.crawler),
    )


def chosen(names: Names, wanted: Iterable[str]) -> tuple[Source, ...]:
    """The sources of these names, all for none. Raises ``SalespipeError`` (exit code 2) for one that is none."""
    every = sources(names)
    asked = set(wanted)
    if unknown := sorted(asked - {each.name for each in every}):
        known = " ".join(each.name for each in every)
        raise SalespipeError(
            "UnknownSource",
            f"Nothing in the pipeline that logs is called {unknown[0]}.",
            hint=f"salespipe logs [{known}]",
            exit_code=Exit.USAGE,
        )
    return tuple(each for each in every if not asked or each.name in asked)


def absence(aws: Aws, source: Source) -> SalespipeError | None:
    """Why a source has no log: it is not there, or is not to log. None where it is there and has not logged yet.

    Only Glue makes its log group itself, with the first crawl; every other group is made before its writer.
    """
    from salespipe.aws import is_not_found

    if source.name == "crawler":
        try:
            aws.client("glue").get_crawler(Name=aws.names.crawler)
        except Exception as error:
            if not is_not_found(error):
                raise
        else:
            return None
    if source.name == "pipe" and aws.config.pipe_log_level == "OFF":
        return SalespipeError(
            "LogsOff",
            "The pipe does not log: pipe.log_level is OFF.",
            hint='Write log_level = "ERROR" under [pipe] in salespipe.toml, then: salespipe up',
            exit_code=Exit.NOT_DEPLOYED,
        )
    return SalespipeError(
        "NotDeployed",
        f"The {source.name} is not deployed: there is no log group {source.group}."
        if source.name != "crawler"
        else f"The crawler is not deployed: there is no {source.stream}.",
        hint="salespipe up",
        exit_code=Exit.NOT_DEPLOYED,
    )
