"""What the network is asked to predict, and how wrong it is. Pure functions over tensors."""

from .effective import effective
from .objective import Drawn, Noised, Objective

__all__ = ["Drawn", "Noised", "Objective", "effective"]
