"""What the network is asked to predict, and how wrong it is. Pure functions over tensors."""

from .in_effect import in_effect
from .objective import Drawn, Noised, Objective

__all__ = ["Drawn", "Noised", "Objective", "in_effect"]
