"""Random networks as rows: every method's share of the best value known, and local maxima along lines."""

import torch

from companion.experiment import Row
from companion.progress import Part, Progress
from companion.proxygrad.declaration import ProxyGrad
from companion.proxygrad.random_networks import Method, ascend, draw_networks, maxima_on_lines, uniform_starts

__all__ = ["random_rows", "table_methods"]

STAGED_FROM = 0.05  # below, both stages of a two-stage ascent are all but the same
LINE_SLOPES = (0.0, 0.01, 0.1, 0.3, 0.5, 1.0)


def table_methods(slopes: tuple[float, ...]) -> tuple[Method, ...]:
    """The methods of the table: plain, every slope in both readings, and two-stage ascents in the local reading."""
    slopes = tuple(a for a in slopes if a > 0)
    constant = [Method(reading, a) for reading in ("local", "proxy") for a in slopes]
    return (Method(), *constant, *(Method("local", a, "two-stage") for a in slopes if a >= STAGED_FROM))


def random_rows(parameters: ProxyGrad, depth: int, progress: Progress, device: str = "cpu") -> list[Row]:
    """One row a method and group of `per_row` networks of one depth; values are shares of the best value known."""
    N, S, group = parameters.random_networks, parameters.random_starts, parameters.per_row
    networks = draw_networks(depth, N, parameters.seed)
    networks = type(networks)(*(tuple(t.to(device) for t in part) for part in (networks.weights, networks.biases)))
    starts = uniform_starts(N, S, parameters.seed).to(device)
    methods = table_methods(parameters.slopes)
    found = ascend(networks, methods, starts, steps=parameters.random_steps,
                   progress=Part(progress, 0, 0.95, 1, f"{depth} layers")).double().cpu()  # fmt: skip
    best = found.amax((0, 2))  # the best value known of every network
    lines = dict(zip(LINE_SLOPES, maxima_on_lines(networks, LINE_SLOPES).cpu(), strict=True))
    progress.update(1, 1)
    rows: list[Row] = []
    for k, method in enumerate(methods):
        one, restarted = found[k].mean(1) / best, found[k].amax(1) / best
        maxima = lines.get(method.a_b) if method.schedule == "constant" else None
        for seed, members in enumerate(torch.arange(N).split(group)):
            rows.append({
                "part": "random", "depth": depth, "arm": method.label, "semantics": method.semantics,
                "a_b": method.a_b, "schedule": method.schedule, "seed": seed, "starts": S,
                "value": float(one[members].mean()), "restarted": float(restarted[members].mean()),
                "line_maxima": None if maxima is None else float(maxima[members].mean()),
            })  # fmt: skip
    return rows
