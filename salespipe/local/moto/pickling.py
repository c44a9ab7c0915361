"""How moto 5.2.5's backends are pickled: what pickle cannot take, and what does not belong into a state file."""

from __future__ import annotations

import copyreg
import io
import pickle
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from moto.backends import get_backend
from moto.core.base_backend import BaseBackend

_LOCK: Final = type(threading.Lock())
_RLOCK: Final = type(threading.RLock())


def dump(root: Any) -> bytes:
    """Pickle a backend, or objects of one. Raises what pickle raises for what it cannot take."""
    buffer = io.BytesIO()
    _Pickler(buffer, root).dump(root)
    return buffer.getvalue()


def load(data: bytes) -> Any:
    """The inverse of ``dump``. The data must be our own: pickles run code."""
    return _Unpickler(io.BytesIO(data)).load()


class _Pickler(pickle.Pickler):
    """References other backends by name instead of taking their state along, and AWS's own policies by ARN."""

    def __init__(self, buffer: io.BytesIO, root: Any) -> None:
        super().__init__(buffer, protocol=pickle.HIGHEST_PROTOCOL)
        self._root = root
        self.dispatch_table = copyreg.dispatch_table.copy() | _REDUCERS

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, BaseBackend) and obj is not self._root:
            return "backend", _service(type(obj)), obj.account_id, obj.region_name
        if type(obj).__name__ == "AWSManagedPolicy":
            return "policy", obj.account_id, obj.partition, obj.arn
        return None

    def reducer_override(self, obj: Any) -> Any:
        name = type(obj).__qualname__
        if name == "IAMBackend":
            return _reduce_iam(obj)
        if name == "Queue" and type(obj).__module__ == "moto.sqs.models":
            return _reduce_queue(obj)
        if name == "CloudWatchBackend":
            return _reduce_cloudwatch(obj)
        return _reduce_lambda_storage(obj) if name == "LambdaStorage" else NotImplemented


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        kind, *where = pid
        if kind == "backend":
            service, account, region = where
            return get_backend(service)[account][region]
        account, partition, arn = where
        return _aws_policies(account, partition)[arn]


def _reduce_iam(backend: Any) -> tuple[Any, ...]:
    """IAM without the policies that AWS brings, which are 4 MB and the same every time."""
    state = dict(backend.__dict__)
    attached = {policy.arn: policy.attachment_count for policy in backend.aws_managed_policies}
    state["aws_managed_policies"] = {arn: count for arn, count in attached.items() if count}
    state["managed_policies"] = {arn: own for arn, own in backend.managed_policies.items() if arn not in attached}
    return copyreg.__newobj__, (type(backend),), state, None, None, _set_iam  # type: ignore[attr-defined]


def _set_iam(backend: Any, state: dict[str, Any]) -> None:
    policies = _aws_policies(state["account_id"], state["region_name"])
    for arn, count in state["aws_managed_policies"].items():
        if arn in policies:
            policies[arn].attachment_count = count
    backend.__dict__.update(state)
    backend.aws_managed_policies = list(policies.values())
    backend.managed_policies = {**policies, **state["managed_policies"]}


@cache
def _aws_policies(account: str, partition: str) -> dict[str, Any]:
    from moto.iam.models import IAMBackend

    return {policy.arn: policy for policy in IAMBackend(partition, account).aws_managed_policies}


def _service(backend: type) -> str:
    """The service of a backend's class, which lives in ``moto.<package>.models``."""
    package = backend.__module__.split(".")[1]
    return "lambda" if package == "awslambda" else package


def _reduce_lambda_storage(storage: Any) -> tuple[Any, ...]:
    """Lambda's functions: the factory of their ``_aliases`` has no name to pickle it by."""
    state = {**storage.__dict__, "_aliases": dict(storage._aliases)}  # noqa: SLF001
    return copyreg.__newobj__, (type(storage),), state, None, None, _set_lambda_storage  # type: ignore[attr-defined]


def _reduce_queue(queue: Any) -> tuple[Any, ...]:
    """SQS's queues without their messages, which have rows of their own."""
    state = {**queue.__dict__, "_messages": [], "_pending_messages": set()}
    return copyreg.__newobj__, (type(queue),), state  # type: ignore[attr-defined]


def _reduce_cloudwatch(backend: Any) -> tuple[Any, ...]:
    """CloudWatch without the metric data, which have a row of their own."""
    return copyreg.__newobj__, (type(backend),), {**backend.__dict__, "metric_data": []}  # type: ignore[attr-defined]


def _set_lambda_storage(storage: Any, state: dict[str, Any]) -> None:
    storage.__dict__.update(state, _aliases=defaultdict(dict, state["_aliases"]))


_REDUCERS: Final[dict[type, Callable[[Any], Any]]] = {
    weakref.WeakValueDictionary: lambda weak: (weakref.WeakValueDictionary, (dict(weak),)),
    # Only the running process can hold a lock: what is restored is free.
    threading.Condition: lambda _: (threading.Condition, ()),
    _LOCK: lambda _: (threading.Lock, ()),
    _RLOCK: lambda _: (threading.RLock, ()),
}
