"""What the network is asked to predict, and how wrong it is. Pure functions over tensors."""

from .objective import Noised, Objective

__all__ = ["Noised", "Objective"]
