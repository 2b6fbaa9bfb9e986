"""The three scales at which every experiment of the book can be run."""

from typing import Literal, get_args

Scale = Literal["quick", "standard", "paper"]
SCALES: tuple[Scale, ...] = get_args(Scale)

MEANING: dict[Scale, str] = {
    "quick": "two CPU cores, at most 60 seconds a notebook, data that ships with the dependencies",
    "standard": "two CPU cores, at most ten minutes, small real data",
    "paper": "the paper's own settings, one GPU",
}
