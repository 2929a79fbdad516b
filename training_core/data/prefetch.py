"""Prepare the next items in a thread while the current one is being used."""

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
    """Yield (`prepare(item)`, seconds waited for it) of every item in order, prepared by one thread.

    Up to `ahead` items are prepared early. An exception of `prepare` is raised where its result would have been yielded;
    if the caller stops early, what is not begun is not prepared.
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
