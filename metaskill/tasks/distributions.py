"""Distributions over one task parameter, and `Product`: one over several by name.

All are pytrees whose arrays may be traced, stacked and differentiated; one draw is one
parameter, so batches are made by `vmap`. Where a range or a spread is zero, the parameter is
that very value, bit for bit, and its `log_prob` is that of a point mass: 0 there, -inf
elsewhere. Parameters are checked when a distribution is made, unless they are tracers.
"""

from metaskill.tasks.combined import Mixture, Product
from metaskill.tasks.continuous import LogUniform, Normal, TruncatedNormal, Uniform
from metaskill.tasks.contract import Distribution
from metaskill.tasks.discrete import Discrete, Fixed, Grid

__all__ = [
    "Discrete",
    "Distribution",
    "Fixed",
    "Grid",
    "LogUniform",
    "Mixture",
    "Normal",
    "Product",
    "TruncatedNormal",
    "Uniform",
]
