"""The tables behind the chapter's explorers."""

from collections.abc import Sequence

import pandas as pd

from companion.proxygrad.claims import part
from companion.proxygrad.pictures import decode_pictures

__all__ = ["recorded_ascents", "recorded_evolution", "recorded_random_networks"]

LINES = {("local", "constant"): "local reading", ("proxy", "constant"): "proxy reading",
         ("local", "two-stage"): "two-stage (ours)"}  # fmt: skip


def recorded_random_networks(table: pd.DataFrame) -> pd.DataFrame:
    """The sweep over depth and slope in random networks; plain gradients are a level line in every view."""
    rows = part(table, "random")
    plain = rows["a_b"] == 0
    lines = [LINES[pair] for pair in zip(rows["semantics"], rows["schedule"], strict=True)]
    rows = rows.assign(
        method=pd.Series(lines, index=rows.index).where(~plain, "plain gradient"),
        slope=rows["a_b"].where(~plain),
    )
    columns = ["depth", "method", "slope", "seed", "value", "restarted"]
    order = {name: k for k, name in enumerate(("plain gradient", *LINES.values()))}
    return rows[columns].sort_values(
        ["depth", "method", "slope", "seed"], key=lambda c: c.map(order) if c.name == "method" else c, ignore_index=True
    )


def recorded_ascents(table: pd.DataFrame, layers: Sequence[str] = ()) -> pd.DataFrame:
    """Inner units and logits by layer, method and slope: what was found, and the share that ended at 0."""
    rows = pd.concat([part(table, "units"), part(table, "logits")])
    rows = rows[rows["layer"].isin(layers)] if layers else rows
    rows = rows[[pair in LINES for pair in zip(rows["semantics"], rows["schedule"], strict=True)]]
    plain = rows["a_b"] == 0
    lines = [LINES[pair] for pair in zip(rows["semantics"], rows["schedule"], strict=True)]
    base = rows[plain].set_index(["layer", "seed"])["value"]
    relative = rows["value"] / [base[pair] for pair in zip(rows["layer"], rows["seed"], strict=True)]
    rows = rows.assign(
        method=pd.Series(lines, index=rows.index).where(~plain, "plain gradient"),
        slope=rows["a_b"].where(~plain), relative=relative,
    )  # fmt: skip
    return rows[["layer", "method", "slope", "seed", "relative", "stuck"]].reset_index(drop=True)


def recorded_evolution(table: pd.DataFrame) -> pd.DataFrame:
    """The frames of the recorded ascents as images: one row a frame, captioned by step and value."""
    rows = []
    for _, row in part(table, "pictures").iterrows():
        what = {"class or unit": f"{row['unit']}", "layer": row["layer"]}
        name = "plain gradient" if row["a_b"] == 0 else f"{row['semantics']}, slope {row['a_b']:g}"
        for step, value, image in zip(
            row["frame_steps"], row["frame_values"], decode_pictures(row["picture"]), strict=True
        ):
            rows.append(what | {"method": name, "step": step, "caption": f"step {step}: {value:.3g}", "image": image})
    return pd.DataFrame(rows)
