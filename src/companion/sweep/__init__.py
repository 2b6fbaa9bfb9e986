"""Sweeps: one experiment at many points of a grid, resumable, on this machine or a cluster.

A point is done when its record is stored; the same sweep started again measures only what is missing::

    from companion.sweep import sweep

    rows = sweep("few_data", {"weight_decay": [0, 0.1], "seed": range(5), "seeds": 1}, out="runs/decay", jobs=2).table()

On the command line: ``companion sweep few_data --set weight_decay=0,0.1 --set seed=0..4 --set seeds=1``.
"""

from companion.sweep.folder import Failure, SweepFolder
from companion.sweep.grid import Axis, Grid, make_grid, read_grid
from companion.sweep.point import Point, find_experiment
from companion.sweep.run import Finished, Outcome, Sweep, sweep

__all__ = [
    "Axis",
    "Failure",
    "Finished",
    "Grid",
    "Outcome",
    "Point",
    "Sweep",
    "SweepFolder",
    "find_experiment",
    "make_grid",
    "read_grid",
    "sweep",
]
