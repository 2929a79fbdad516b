"""Imports of packages that bring more along than is needed: what they would load, fetch or say on the way is kept out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
