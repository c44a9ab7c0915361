"""The environment of a function's process: its own variables, Lambda's, and nothing of the user's."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salespipe.local.functions.pool import Deployment


def stream_name(deployment: Deployment, now: float) -> str:
    """The log stream of a new process, as Lambda names it; ``now`` is Unix time in seconds."""
    return f"{datetime.fromtimestamp(now, UTC):%Y/%m/%d}/[{deployment.version}]{uuid.uuid4().hex}"


def environment(deployment: Deployment, folder: Path, stream: str, endpoint: str) -> dict[str, str]:
    """Every variable of the process; ``folder`` holds its code in ``task`` and its temporary files in ``tmp``.

    The names are those of Lambda's developer guide ("Defined runtime environment variables"). Credentials are dummies
    and every AWS client of the function is led to ``endpoint``; no profile, proxy or key of the user is passed on.
    """
    private = str(folder / "tmp")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "PYTHONUTF8": "1",
        "TZ": ":UTC",
        "HOME": private,
        "TMPDIR": private,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        **({"AWS_ENDPOINT_URL": endpoint} if endpoint else {}),
        **deployment.variables,
        "_HANDLER": deployment.handler,
        "AWS_REGION": deployment.region,
        "AWS_DEFAULT_REGION": deployment.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{deployment.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": deployment.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": deployment.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": deployment.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_LOG_FORMAT": deployment.log_format,
        "AWS_LAMBDA_LOG_LEVEL": deployment.log_level,
        "LAMBDA_TASK_ROOT": str(folder / "task"),
    }
