"""ProxyGrad: Leaky ReLUs that differ in forward and backward pass (Linse, Barth and Martinetz 2024, arXiv 2410.16958).

The network runs as it is; the gradient comes from a twin with the same weights and a steeper negative slope::

    from companion.proxygrad import Ascent, Objective, maximise

    found = maximise(network, Objective(unit=3), start, Ascent(semantics="proxy", backward_slope=0.3))
    found.best, found.best_values          # scored by the network itself
"""

from companion.proxygrad.activation import AsymmetricLeakyReLU, asymmetric_leaky_relu
from companion.proxygrad.ascent import Ascent, Found, input_gradient, maximise
from companion.proxygrad.objectives import Objective, activation_at
from companion.proxygrad.schedules import scheduled_slope
from companion.proxygrad.transforms import Regulariser
from companion.proxygrad.twins import shared_copy, twin
from companion.proxygrad.weight_training import for_training

__all__ = [
    "Ascent",
    "AsymmetricLeakyReLU",
    "Found",
    "Objective",
    "Regulariser",
    "activation_at",
    "asymmetric_leaky_relu",
    "for_training",
    "input_gradient",
    "maximise",
    "scheduled_slope",
    "shared_copy",
    "twin",
]
