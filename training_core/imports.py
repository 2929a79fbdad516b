"""Imports of packages that bring more along than is needed: what they would load, fetch or say on the way is kept out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Inside, these packages cannot be imported: who tries them does without, as where they are not installed."""
    before = {name: sys.modules[name] for name in packages if name in sys.modules}
    sys.modules.update(dict.fromkeys(packages))  # None is Python's word for a module that is not to be had
    try:
        yield
    finally:
        for name in packages:
            sys.modules.pop(name, None)
        sys.modules.update(before)


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
