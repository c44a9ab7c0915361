"""A service that takes long to import is made ready in the background, while the server answers for the others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from salespipe.local.api import Answer, Call, Handler, Service

_log = logging.getLogger(__name__)


class Deferred:
    """The service ``name``, which ``make`` imports and constructs once ``start`` is called; calls wait for it."""

    def __init__(self, name: str, make: Callable[[], Service]) -> None:
        self.name = name
        self._make = make
        self._service: Future[Service] = Future()
        self._thread = threading.Thread(target=self._begin, name=f"start-{name}", daemon=True)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The service's own. Raises what making it raised."""
        return self._service.result().handlers

    def observe(self, call: Call, answer: Answer) -> None:
        """Tell the service."""
        self._service.result().observe(call, answer)

    def start(self) -> None:
        """Begin to make and start the service."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the service, if it could be made."""
        self._thread.join()
        if self._service.exception() is None:
            self._service.result().stop()

    def _begin(self) -> None:
        try:
            service = self._make()
            service.start()
        except Exception as error:  # noqa: BLE001 - whoever calls is told
            _log.exception("%s could not be started", self.name)
            self._service.set_exception(error)
        else:
            self._service.set_result(service)
