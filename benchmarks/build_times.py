"""How long each chapter takes to execute at the quick scale, from the executed copies of the last build.

    make book && python benchmarks/build_times.py      # the table, and benchmarks/results/build_times-cpu.json

Nothing is executed here: papermill writes the start and the duration into every executed copy. A build from a clean
clone executes all of them, two at a time on two cores, one thread each; later builds only what has changed.
"""

import sys
from pathlib import Path

import nbformat
from side_by_side import show, write

ROOT = Path(__file__).parents[1]
EXECUTED = ROOT / "_build" / "executed" / "notebooks"


def rows() -> list[dict[str, object]]:
    """A row a chapter, and the sum, in seconds."""
    found: dict[str, dict[str, float]] = {}
    for copy in sorted(EXECUTED.glob("*/*.ipynb")):
        if not copy.name.endswith(".failed.ipynb"):
            run = nbformat.read(copy, as_version=4).metadata.papermill
            found.setdefault(copy.parent.name, {})[copy.stem] = float(run["duration"])
    names = sorted({name for chapter in found.values() for name in chapter}, reverse=True)
    chapters = [
        {"what": chapter, **{f"{name} (s)": taken.get(name, 0.0) for name in names}, "both (s)": sum(taken.values())}
        for chapter, taken in found.items()
    ]
    columns = [column for column in (chapters[0] if chapters else {}) if column != "what"]
    return [*chapters, {"what": "all chapters", **{c: sum(float(row[c]) for row in chapters) for c in columns}}]


def main() -> None:
    chapters = rows()
    if len(chapters) == 1:
        sys.stdout.write(
            f"There is no executed copy below {EXECUTED}: run `make book` first. The record stays as it is.\n"
        )
        return
    show(chapters, "Seconds to execute each chapter")
    write("build_times", chapters, "cpu")


if __name__ == "__main__":
    main()
