"""What a Dataset Loader has found inside the files of its folder, remembered for the page as long as no file changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from ..training_core.host.dataset_places import DatasetPlaces
from ..training_core.settings import DatasetSettings

_MOST = 32  # loaders that are remembered


class Scanned:
    """Warnings by the settings of the loader; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, list[str]]] = OrderedDict()
        self._lock = Lock()

    def put(self, settings: DatasetSettings, places: DatasetPlaces, warnings: Sequence[str]) -> None:
        """Remember what was found in a folder as it is now."""
        with self._lock:
            self._known[settings.model_dump_json()] = _stamp(settings, places), list(warnings)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)

    def get(self, settings: DatasetSettings, places: DatasetPlaces) -> list[str] | None:
        """Return what was found; None if the folder was not read with these settings, or a file has changed since."""
        with self._lock:
            known = self._known.get(settings.model_dump_json())
        if known is None or known[0] != _stamp(settings, places):
            return None
        return known[1]


def _stamp(settings: DatasetSettings, places: DatasetPlaces) -> str:
    from ..training_core.data import scan

    return scan.stamp(settings, places.root, places.masks, places.controls)


scanned = Scanned()
