"""The same snapshot as a page of this machine's browser, on 127.0.0.1 alone, live by server-sent events."""

from __future__ import annotations

from salespipe.watch.web.serve import Source, browser, serve

__all__ = ["Source", "browser", "serve"]
