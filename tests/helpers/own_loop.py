"""Run a coroutine from a test, whatever else the test's process runs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the coroutine's result, from an event loop in a thread of its own.

    Playwright keeps a loop running in the main thread once a browser test has run there, and asyncio.run refuses to be second.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
