"""The figure of networks trained on photographs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from companion.figures import MARKERS, PALETTE
from companion.rare_bad_minima.claims import rows_of
from companion.rare_bad_minima.photographs import EPSILONS, bootstrapped_fits, log_linear_fit
from companion.statistics import binomial_interval

SHIFT = 0.25  # samples between the marks of two epsilons, so that their intervals do not cover each other


def photographs(table: pd.DataFrame) -> Figure:
    """The share of trained networks above each epsilon against n, with log-linear fits and their bootstrap bands."""
    rows = rows_of(table, "photographs", "test_error", "n")
    groups = list(rows.groupby("arch", sort=False))
    figure, panels = plt.subplots(1, len(groups), figsize=(0.5 + 6 * len(groups), 4), squeeze=False, sharey=True)
    for axes, (arch, group) in zip(panels[0], groups, strict=True):
        n = group["n"].to_numpy(dtype=float)
        sizes = np.unique(n)
        line = np.linspace(sizes[0], sizes[-1], 60)
        for k, epsilon in enumerate(EPSILONS):
            bad = (group["test_error"] > epsilon).to_numpy()
            counts = [(int(bad[n == size].sum()), int((n == size).sum())) for size in sizes]
            shares = np.array([some / all_ for some, all_ in counts])
            low, high = np.array([binomial_interval(*each) for each in counts]).T
            style = {"color": PALETTE[k], "marker": MARKERS[k], "linestyle": ""}
            shown = shares > 0
            errors = np.abs([shares - low, high - shares])[:, shown]
            axes.errorbar(
                (sizes + (k - 1.5) * SHIFT)[shown], shares[shown], errors, label=f"error above {epsilon:.0%}", **style
            )
            start, rate = log_linear_fit(n, bad)
            if np.isfinite(rate):
                axes.plot(line, np.exp(start - rate * line), color=PALETTE[k])
                fits = bootstrapped_fits(n, bad)
                fits = fits[np.isfinite(fits).all(1)]
                curves = np.exp(fits[:, :1] - fits[:, 1:] * line)
                axes.fill_between(
                    line, *np.quantile(curves, (0.025, 0.975), axis=0), color=PALETTE[k], alpha=0.15, lw=0
                )
        runs = max((n == size).sum() for size in sizes)
        axes.set(
            xlabel="training samples n", yscale="log", ylim=(0.4 / runs, 1.5), title=f"{arch}, {runs} runs a point"
        )
    panels[0, 0].set_ylabel("share of trained networks")
    panels[0, -1].legend()
    return figure
