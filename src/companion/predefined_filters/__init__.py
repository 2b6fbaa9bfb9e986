"""Networks with pre-defined filters: frozen 3x3 edge and line kernels, learned 1x1 combinations.

    from companion.predefined_filters import filter_bank, pfnet18

    filter_bank().shape                                    # torch.Size([16, 3, 3])
    network = pfnet18(classes=10, stem="cifar", width=16)  # (N, 3, 32, 32) -> (N, 10)

Reference:
    C. Linse, E. Barth, T. Martinetz: Convolutional Neural Networks Do Work with Pre-Defined Filters, IJCNN
    2023.
"""

from companion.predefined_filters.aliasing import (
    blurred,
    lines_seen,
    responses,
    subsampled,
    two_lines,
)
from companion.predefined_filters.counts import (
    Cost,
    dense_cost,
    measured_cost,
    pfnet_cost,
    trainable_parameters,
)
from companion.predefined_filters.filters import (
    edge_kernel,
    filter_bank,
    filter_names,
    line_kernel,
    singular_values,
    smooth_kernel,
    span,
)
from companion.predefined_filters.module import Blur, FixedConvolution, PredefinedFilterModule
from companion.predefined_filters.pfnet import dense_twin, dense_twin18, initialise, pfnet, pfnet18
from companion.predefined_filters.residual import Block, DenseUnit, ResidualNetwork, Skip

__all__ = [
    "Block",
    "Blur",
    "Cost",
    "DenseUnit",
    "FixedConvolution",
    "PredefinedFilterModule",
    "ResidualNetwork",
    "Skip",
    "blurred",
    "dense_cost",
    "dense_twin",
    "dense_twin18",
    "edge_kernel",
    "filter_bank",
    "filter_names",
    "initialise",
    "line_kernel",
    "lines_seen",
    "measured_cost",
    "pfnet",
    "pfnet18",
    "pfnet_cost",
    "responses",
    "singular_values",
    "smooth_kernel",
    "span",
    "subsampled",
    "trainable_parameters",
    "two_lines",
]
