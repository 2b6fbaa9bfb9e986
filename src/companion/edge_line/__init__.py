"""Edge and line filters as a regulariser: fixed 3x3 kernels in place of learned ones, at equal parameter count.

    from companion.edge_line import EdgeLineModule, filter_set, with_filters

    EdgeLineModule(64, 128)                    # in place of nn.Conv2d(64, 128, 3, padding=1): as many weights
    with_filters(torchvision.models.resnet18())

Reference:
    C. Linse, B. Brueckner, T. Martinetz: Enhancing Generalization in Convolutional Neural Networks through
    Regularization with Edge and Line Features, ICANN 2024.
"""

from companion.edge_line.banks import FAMILIES, SETS, filter_set, set_names
from companion.edge_line.counts import HostCost, Layer, host_cost
from companion.edge_line.dashes import oriented_dashes
from companion.edge_line.hosts import HOSTS, build_host, filter_layers, three_by_three, with_filters
from companion.edge_line.module import EdgeLineModule, shift_identity
from companion.edge_line.toy import (
    LearnedTwin,
    dash_kernels,
    fit_weights,
    hand_set_outputs,
    patch_counts,
    pooled_responses,
)

__all__ = [
    "FAMILIES",
    "HOSTS",
    "SETS",
    "EdgeLineModule",
    "HostCost",
    "Layer",
    "LearnedTwin",
    "build_host",
    "dash_kernels",
    "filter_layers",
    "filter_set",
    "fit_weights",
    "hand_set_outputs",
    "host_cost",
    "oriented_dashes",
    "patch_counts",
    "pooled_responses",
    "set_names",
    "shift_identity",
    "three_by_three",
    "with_filters",
]
