"""Imports of packages that bring more along than is needed: what they would load, fetch or say on the way is kept out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, cast


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Inside, these packages cannot be imported: who tries them does without, as where they are not installed."""
    modules = cast("dict[str, Any]", sys.modules)
    before = {name: modules[name] for name in packages if name in modules}
    modules.update(dict.fromkeys(packages))  # None is Python's word for a module that is not to be had
    try:
        yield
    finally:
        for name in packages:
            modules.pop(name, None)
        modules.update(before)


@contextmanager
def errors_alone(name: str) -> Iterator[None]:
    """Inside, a logger and those below it write errors alone."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def compiled_later() -> Iterator[None]:
    """Inside, a function that `torch.compile` is asked to compile is compiled when it is called for the first time.

    A package that decorates functions with it, as bitsandbytes 0.50 does with four for devices without kernels of its own, loads PyTorch's
    compiler while it is imported: 2 of 3 seconds, where nobody calls one of them.
    """
    import torch

    at_once = torch.compile

    def later(function: Callable[..., Any] | None = None, **options: Any) -> Callable[..., Any]:
        if function is None:
            return lambda decorated: later(decorated, **options)
        compiled = cache(lambda: at_once(function, **options))

        @wraps(function)
        def call(*args: Any, **values: Any) -> Any:
            return compiled()(*args, **values)

        return call

    torch.compile = later
    try:
        yield
    finally:
        torch.compile = at_once
