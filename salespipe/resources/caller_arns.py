"""The ARNs that the caller's policies name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salespipe.names import Names


class Arns:
    """The ARNs that IAM wants to be given for each part of the pipeline."""

    def __init__(self, names: Names) -> None:
        arn, bucket, database = names.arn, names.bucket_arn, names.database
        self.roles = [names.role_arn(each) for each in ("generator", "transform", "pipe", "delivery", "crawler")]
        self.pipe = arn("pipes", f"pipe/{names.pipe}")
        self.delivery = arn("firehose", f"deliverystream/{names.delivery}")
        self.functions = [names.function_arn(each) for each in ("generator", "transform")]
        functions = [names.function_log_group("generator"), names.function_log_group("transform")]
        groups = [*functions, names.delivery_log_group, names.pipe_log_group]
        # CloudWatch Logs asks for a group's ARN with ":*", but to tag it for the one without (API reference, LogGroup);
        # which of them it asks for when tags come with CreateLogGroup is not said.
        self.log_tags = [arn("logs", f"log-group:{group}") for group in groups]
        self.logs = [f"{group}:*" for group in self.log_tags]
        self.results = f"{bucket}/{names.results_prefix}*"
        lake = (names.events_prefix, names.products_prefix, names.errors_prefix)
        self.read = [*(f"{bucket}/{prefix}*" for prefix in lake), self.results]
        # By their whole names: another pipeline's name may begin as this one's does.
        self.alarms = [arn("cloudwatch", f"alarm:{names.alarm(each)}") for each in names.alarm_purposes]
        self.dashboard = arn("cloudwatch", f"dashboard/{names.dashboard}", region="")
        self.workgroup = arn("athena", f"workgroup/{names.workgroup}")
        self.crawler = arn("glue", f"crawler/{names.crawler}")
        self.database = arn("glue", f"database/{database}")
        # Glue asks for every level above a table, and to delete a database for all that could be in it.
        self.catalog = arn("glue", "catalog")
        self.tables = [self.catalog, self.database, arn("glue", f"table/{database}/*")]
        self.contents = [*self.tables, arn("glue", f"userDefinedFunction/{database}/*")]
        self.default_database = arn("glue", "database/default")
        # Oneself. A user is known by its name; a role is not, and IAM has no variable for it.
        users = [arn("iam", f"user/{path}${{aws:username}}", region="") for path in ("", "*/")]
        self.any_role = arn("iam", "role/*", region="")
        self.oneself = [*users, self.any_role]
