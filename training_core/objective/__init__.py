"""What the network is asked to predict, and how wrong it is. Pure functions over tensors."""

from .in_effect import in_effect
from .objective import BatchDraws, Noised, Objective

__all__ = ["BatchDraws", "Noised", "Objective", "in_effect"]
