"""The system's own Chromium, driven by Playwright; where there is neither, the test that asks for it is skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PATH = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# As root, and without a network, Chromium needs to be told so.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@contextmanager
def running() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="the extra browser is not installed")
    if PATH is None:
        pytest.skip("there is no Chromium on the PATH")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=FLAGS)
        yield browser
        browser.close()
