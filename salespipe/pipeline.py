"""THE pipeline: every resource, declared once, with what it needs. Read this first.

    orders -> DynamoDB -> DynamoDB -> EventBridge -> Kinesis -> Firehose -> S3 -> Glue crawler -> Athena
             (CLI or     table       Streams       Pipe         stream      + transform  + classifier
              Lambda)                NEW_IMAGE     (DLQ)                      Lambda

What a resource ``needs`` is READY before it is created, and is deleted after it. The order that matters most: Firehose
reads Kinesis from LATEST on, so it is ACTIVE before the pipe puts anything there; the pipe reads its stream from the
beginning, so orders that were written earlier are not missed; and the rule that writes orders comes last and goes
first. Roles need nothing, so that the minute in which services learn of them passes while the table, the stream and
the queue are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from salespipe import insights, monitoring
from salespipe.resources import bundle, policies
from salespipe.resources.alarms import Alarms
from salespipe.resources.athena import WorkGroup
from salespipe.resources.base import Unwanted
from salespipe.resources.dashboard import Dashboard
from salespipe.resources.dynamodb import Table
from salespipe.resources.events import Rule
from salespipe.resources.existing_table import ExistingTable
from salespipe.resources.firehose import DeliveryStream
from salespipe.resources.functions import Function, Permission
from salespipe.resources.glue import Crawler, Database, JsonClassifier
from salespipe.resources.iam import Role
from salespipe.resources.kinesis import Stream
from salespipe.resources.logs import LogGroup
from salespipe.resources.named_queries import NamedQueries, NamedQuery
from salespipe.resources.pipes import Pipe
from salespipe.resources.s3 import Bucket
from salespipe.resources.sns import Topic
from salespipe.resources.sqs import Queue

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource
    from salespipe.resources.iam import Statement

# A lake file holds one flat object on each line, and the document itself is the row: the root. A path into a field
# would make a table of that one part; "$[*]" asks for the elements of an array, which there is none of; and a list of
# fields would hide the attributes of a user's own table. Should Glue find no match, its built-in JSON classifier comes
# next and reads the very same columns.
_ROW: Final = "$"
# UTC, by the arrival of an object's oldest record.
_BY_HOUR: Final = "dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
_BY_FAILURE: Final = "!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"


def pipeline(aws: Aws) -> tuple[Resource, ...]:
    """Every resource of the configured pipeline, in the order of the picture above; asks AWS for the account only.

    What the configuration leaves out and ``up`` would delete is among them, as ``Unwanted``.
    """
    config, names = aws.config, aws.names

    # Who may do what. Only Pipes and Firehose send a key that a trust policy can ask for.
    generator_role = _role(aws, "generator", "lambda", policies.generator(names))
    transform_role = _role(aws, "transform", "lambda", policies.transform(names))
    pipe_role = _role(
        aws, "pipe", "pipes", policies.pipe(names), {"StringEquals": {"aws:SourceAccount": names.account}}
    )
    delivery_role = _role(
        aws, "delivery", "firehose", policies.delivery(names), {"StringEquals": {"sts:ExternalId": names.account}}
    )
    crawler_role = _role(aws, "crawler", "glue", policies.crawler(names))

    # Where orders are written, and the way they take.
    table = (ExistingTable if config.table.existing else Table)(
        name=names.table, partition_key=config.table.partition_key
    )
    stream = Stream(
        name=names.stream,
        mode=config.stream.mode,
        shards=config.stream.shards,
        retention_hours=config.stream.retention_hours,
    )
    dead_letters = Queue(name=names.queue)
    bucket = Bucket(name=names.bucket, results_prefix=names.results_prefix, results_days=config.query.results_days)

    # Kinesis to S3, each record through the transform.
    transform_logs = _function_logs(aws, "transform")
    transform = Function(
        name=names.function("transform"),
        role_arn=names.role_arn("transform"),
        code=bundle.transform(),
        runtime=config.functions.runtime,
        memory_mb=config.functions.memory_mb,
        timeout_seconds=config.functions.timeout_seconds,
        needs=(transform_role, transform_logs),
    )
    delivery_logs = LogGroup(
        name=names.delivery_log_group,
        retention_days=config.functions.log_retention_days,
        log_stream=names.delivery_log_stream,
    )
    delivery = DeliveryStream(
        name=names.delivery,
        role_arn=names.role_arn("delivery"),
        source_arn=names.stream_arn,
        bucket_arn=names.bucket_arn,
        function_arn=names.function_arn("transform"),
        log_group=names.delivery_log_group,
        log_stream=names.delivery_log_stream,
        prefix=names.events_prefix + _BY_HOUR,
        error_prefix=names.errors_prefix + _BY_FAILURE,
        buffer_mb=config.delivery.buffer_mb,
        buffer_seconds=config.buffer_seconds,
        transform_buffer_mb=config.delivery.transform_buffer_mb,
        transform_buffer_seconds=config.transform_buffer_seconds,
        needs=(delivery_role, delivery_logs, stream, bucket, transform),
    )

    # The table's stream to Kinesis. The partition key is in Keys, since a REMOVE has no image.
    pipe_logs = LogGroup(name=names.pipe_log_group, retention_days=config.functions.log_retention_days)
    pipe_logged = config.pipe_log_level != "OFF"
    pipe = Pipe(
        name=names.pipe,
        role_arn=names.role_arn("pipe"),
        table=names.table,
        target_arn=names.stream_arn,
        queue_arn=names.queue_arn,
        partition_key=f"$.dynamodb.Keys.{config.table.partition_key}.S",
        batch_size=config.pipe.batch_size,
        batch_window_seconds=config.batch_window_seconds,
        max_retries=config.pipe.max_retries,
        max_age_seconds=config.pipe.max_age_seconds,
        filters=config.pipe.filters,
        log_level=config.pipe_log_level,
        log_group_arn=names.arn("logs", f"log-group:{names.pipe_log_group}"),
        needs=(pipe_role, table, stream, dead_letters, delivery, *((pipe_logs,) if pipe_logged else ())),
    )

    # Orders on a schedule: off until asked for.
    generator_logs = _function_logs(aws, "generator")
    generator = Function(
        name=names.function("generator"),
        role_arn=names.role_arn("generator"),
        code=bundle.generator(),
        runtime=config.functions.runtime,
        memory_mb=config.functions.memory_mb,
        timeout_seconds=config.functions.timeout_seconds,
        environment={
            "TABLE_NAME": names.table,
            "TABLE_KEY": config.table.partition_key,
            "SHOP_ZIPF": f"{config.shop.zipf:g}",
        },
        asynchronous_retries=0,  # a repeated run would write its orders again, under new ids
        needs=(generator_role, generator_logs, table),
    )
    schedule = Rule(
        name=names.rule,
        schedule=config.generator.schedule,
        function_arn=names.function_arn("generator"),
        event={"count": config.generator.orders_per_run},
        needs=(generator, pipe),
    )
    invocation = Permission(
        name=names.rule, function=names.function("generator"), rule_arn=names.rule_arn, needs=(generator,)
    )

    # What makes the lake answer SQL.
    database = Database(name=names.database)
    classifier = JsonClassifier(name=names.classifier, json_path=_ROW)
    crawler = Crawler(
        name=names.crawler,
        role_arn=names.role_arn("crawler"),
        database=names.database,
        classifiers=(names.classifier,),
        paths=tuple(f"s3://{names.bucket}/{prefix}" for prefix in (names.events_prefix, names.products_prefix)),
        needs=(crawler_role, bucket, database, classifier),
    )
    workgroup = WorkGroup(
        name=names.workgroup,
        results_location=names.results_location,
        scan_limit_bytes=config.query.scan_limit_mb * 1_000_000,
        needs=(bucket,),
    )
    named_queries = NamedQueries(
        name=names.workgroup,
        workgroup=names.workgroup,
        database=names.database,
        queries=tuple(
            NamedQuery(each.name, each.question, each.statement(buffers=config.delivery_seconds))
            for each in insights.shipped()
        ),
        needs=(workgroup,),
    )

    return (
        *(generator_role, transform_role, pipe_role, delivery_role, crawler_role),
        *(table, pipe, dead_letters, stream),
        *(delivery_logs, delivery, transform_logs, transform, bucket),
        *(database, classifier, crawler, workgroup, named_queries),
        *(generator_logs, generator, invocation, schedule),
        pipe_logs if pipe_logged else Unwanted(pipe_logs, needs=(pipe,)),
        *_watched(aws),
    )


def _watched(aws: Aws) -> tuple[Resource, ...]:
    """Alarms, a dashboard, and a topic where somebody is to be mailed; ``Unwanted`` is what the configuration left out.

    They name what they watch, which need not be there.
    """
    config, names, wanted = aws.config, aws.names, aws.config.monitoring
    topic = Topic(name=names.topic, email=wanted.email)
    mails = bool(wanted.enabled and wanted.email)
    alarms = Alarms(
        name=config.name,
        alarms=monitoring.alarms(config, names),
        actions=tuple(filter(None, (wanted.topic, names.topic_arn if mails else ""))),
        needs=(topic,) if mails else (),
    )
    dashboard = Dashboard(
        name=names.dashboard, text=monitoring.dashboard_text(names), widgets=monitoring.widgets(config, names)
    )
    if not wanted.enabled:
        return (Unwanted(alarms), Unwanted(dashboard), Unwanted(topic))
    # Once nothing names it any more.
    return (alarms, dashboard, topic if mails else Unwanted(topic, needs=(alarms,)))


def _role(
    aws: Aws,
    purpose: str,
    service: str,
    statements: tuple[Statement, ...],
    condition: Statement | None = None,
) -> Role:
    return Role(
        name=aws.names.role(purpose),
        path=aws.names.role_path,
        service=f"{service}.amazonaws.com",
        statements=statements,
        condition=condition,
    )


def _function_logs(aws: Aws, purpose: str) -> LogGroup:
    return LogGroup(name=aws.names.function_log_group(purpose), retention_days=aws.config.functions.log_retention_days)
