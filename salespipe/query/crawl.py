"""Make what was delivered queryable: wait for it, crawl it, check what the crawler made, create the views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code, is_not_found
from salespipe.errors import SalespipeError
from salespipe.flow import drain
from salespipe.query import athena, delivery, quarantine, views
from salespipe.query.failures import not_deployed

if TYPE_CHECKING:
    from salespipe.aws import Aws

Progress = Callable[[str], None]

_BUDGET_SECONDS: Final = 900.0  # one to three minutes are typical on AWS
_POLL_SECONDS: Final = {"local": 0.05, "aws": 5.0}


@dataclass(frozen=True, slots=True)
class Crawl:
    """What a crawl found: the table's columns without its partition keys, how many objects there were, and the views.

    ``view`` is that of current orders; ``views`` are all that the columns allow.
    """

    table: str
    columns: tuple[str, ...]
    objects: int
    seconds: float
    view: str
    views: tuple[str, ...]


def crawl(aws: Aws, *, settle: bool = True, progress: Progress = lambda _: None) -> Crawl:
    """Wait for delivery (unless not to ``settle``), run the crawler, and create the views.

    The table of what could not be delivered comes first: it can be asked even where nothing was delivered.

    Raises ``SalespipeError`` when the pipeline is not deployed, nothing was ever delivered, the crawler fails or
    takes longer than 15 minutes, its table has no columns, or what was written does not arrive.
    """
    began = aws.clock()
    _require_crawler(aws)
    quarantine.keep(aws)
    objects = delivery.await_first(aws, progress=progress)
    if settle:
        drain.settle(aws, progress=progress)
    _run_crawler(aws, progress)
    columns = _columns(aws)
    _project_partitions(aws)
    names = aws.names
    made = _create_views(aws, columns, progress)
    return Crawl(names.events_table, columns, objects, aws.clock() - began, names.orders_view, made)


def _create_views(aws: Aws, columns: tuple[str, ...], progress: Progress) -> tuple[str, ...]:
    """Create every view for which the columns exist; customers reads orders, the others the tables."""
    from concurrent.futures import ThreadPoolExecutor

    wanted = views.wanted(aws.names, columns, _product_columns(aws))
    last = aws.names.customers_view
    first = {name: sql for name, sql in wanted.items() if name != last}
    then = {name: sql for name, sql in wanted.items() if name == last}
    made: list[str] = []
    with ThreadPoolExecutor(len(first)) as pool:
        for wave in filter(None, (first, then)):
            progress(f"creating the view{'' if len(wave) == 1 else 's'} {', '.join(wave)}")
            list(pool.map(lambda sql: athena.run(aws, sql), wave.values()))
            made += wave
    return tuple(made)


def _product_columns(aws: Aws) -> tuple[str, ...]:
    """The columns of the reference data; none where there is no such table."""
    from botocore.exceptions import ClientError

    names = aws.names
    try:
        table = aws.client("glue").get_table(DatabaseName=names.database, Name=names.products_table)["Table"]
    except ClientError as error:
        if is_not_found(error):
            return ()
        raise
    return tuple(column["Name"] for column in table["StorageDescriptor"].get("Columns", []))


def _require_crawler(aws: Aws) -> None:
    from botocore.exceptions import ClientError

    try:
        aws.client("glue").get_crawler(Name=aws.names.crawler)
    except ClientError as error:
        if is_not_found(error):
            raise not_deployed(aws.names) from error
        raise


def _run_crawler(aws: Aws, progress: Progress) -> None:
    """Start the crawler, or join a crawl that runs already and then run one more, which sees every object."""
    glue, name = aws.client("glue"), aws.names.crawler
    while not _started(aws, glue, name):
        _await_ready(aws, glue, name, progress)
    crawler = _await_ready(aws, glue, name, progress)
    last = crawler.get("LastCrawl", {})
    if last.get("Status") != "SUCCEEDED":
        raise SalespipeError(
            "CrawlFailed",
            f"The crawl ended {last.get('Status', 'without a status')}: {last.get('ErrorMessage', 'no reason given')}",
            hint=f"Its log: group {last.get('LogGroup', '/aws-glue/crawlers')}, stream {last.get('LogStream', name)}.",
        )


def _started(aws: Aws, glue: Any, name: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        aws.eventually("glue", lambda: glue.start_crawler(Name=name))
    except ClientError as error:
        if error_code(error) == "CrawlerRunningException":
            return False
        raise
    return True


def _await_ready(aws: Aws, glue: Any, name: str, progress: Progress) -> dict[str, Any]:
    began = aws.clock()
    while True:
        crawler: dict[str, Any] = glue.get_crawler(Name=name)["Crawler"]
        # READY may be reported a moment before LastCrawl is: the state alone does not say how the crawl ended.
        if crawler["State"] == "READY" and crawler.get("LastCrawl"):
            return crawler
        if aws.clock() - began > _BUDGET_SECONDS:
            raise SalespipeError(
                "CrawlTimeout",
                f"The crawler {name} was still {crawler['State']} after {_BUDGET_SECONDS:.0f} s.",
                hint="salespipe crawl (it goes on waiting for the same crawl)",
            )
        progress(f"crawler {name} is {crawler['State'].lower()}")
        aws.sleep(_POLL_SECONDS[aws.config.target])


def _table(aws: Aws) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    names = aws.names
    try:
        table: dict[str, Any] = aws.client("glue").get_table(DatabaseName=names.database, Name=names.events_table)
    except ClientError as error:
        if not is_not_found(error):
            raise
        raise SalespipeError(
            "NoTable",
            f"The crawl made no table {names.events_table}: the crawler read nothing under s3://{names.bucket}/"
            f"{names.events_prefix}.",
            hint="salespipe status shows whether the crawler's role and Firehose are as they should be.",
        ) from error
    return dict(table["Table"])


def _columns(aws: Aws) -> tuple[str, ...]:
    columns = tuple(column["Name"] for column in _table(aws)["StorageDescriptor"].get("Columns", []))
    needed = {aws.config.table.partition_key.lower(), "event_id", "event_type", "sequence_number"}
    if missing := needed - set(columns):
        raise SalespipeError(
            "NoColumns",
            f"The crawled table {aws.names.events_table} lacks {', '.join(sorted(missing))}: "
            f"its columns are {', '.join(columns) or 'none'}.",
            hint="Objects that the transform did not write lie under the prefix; remove them and crawl again.",
        )
    return columns


def _project_partitions(aws: Aws) -> None:
    """Tell Athena to compute the partitions, so that a new hour is visible without another crawl.

    A ``date`` and a padded ``integer`` projection match the Firehose prefix; the range's end NOW is UTC, as Firehose's
    folders are. (Athena user guide, "Supported types for partition projection".)
    """
    names = aws.names
    table = _table(aws)
    projection = {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2020-01-01,NOW",
        "projection.dt.interval": "1",
        "projection.dt.interval.unit": "DAYS",
        "projection.hour.type": "integer",
        "projection.hour.range": "0,23",
        "projection.hour.digits": "2",
    }
    if projection.items() <= table.get("Parameters", {}).items():
        return
    table["Parameters"] = table.get("Parameters", {}) | projection
    accepted = aws.client("glue").meta.service_model.shape_for("TableInput").members
    aws.client("glue").update_table(
        DatabaseName=names.database, TableInput={key: value for key, value in table.items() if key in accepted}
    )
