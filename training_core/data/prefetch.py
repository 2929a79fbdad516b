"""Prepare the next items in a thread while the current one is worked on."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def prefetched(items: Iterable[T], prepare: Callable[[T], R], ahead: int = 2) -> Generator[tuple[R, float]]:
    """Yield `prepare(item)` of every item in order; up to `ahead` of them are made early by one thread.

    Yields:
        the result, and how long it had to be waited for, in seconds. An exception of `prepare` is raised in its turn.
    """
    source, waiting = iter(items), deque[Future[R]]()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="athanor-prefetch") as pool:
        try:
            waiting.extend(pool.submit(prepare, item) for item in islice(source, ahead))
            while waiting:
                start = time.perf_counter()
                result = waiting.popleft().result()
                waited = time.perf_counter() - start
                waiting.extend(pool.submit(prepare, item) for item in islice(source, 1))
                yield result, waited
        finally:
            for future in waiting:
                future.cancel()
