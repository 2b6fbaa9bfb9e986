"""Runs the page's own JavaScript of closed forms in Node, so that a test can hold it against the package."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import playwright

from companion.explorer import bundle
from companion.explorer.state import plain_tree

NODE = shutil.which("node") or str(Path(playwright.__file__).parent / "driver" / "node")


def forms(
    name: str, calls: Sequence[Mapping[str, Any]], extra: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """What the browser computes: the panels and read-outs of a closed form, for several values of its controls.

    Args:
        name: of the closed form.
        calls: the values of its controls, by name.
        extra: the numbers that the page carries for it, as :meth:`Explorer.from_form` takes them.
    """
    context = f"{{ maths, extra: {json.dumps(plain_tree(dict(extra or {})))}, series: () => [] }}"
    drawn = f"{json.dumps(list(calls))}.map((values) => forms[{json.dumps(name)}](values, {context}))"
    return json.loads(run_script(f"console.log(JSON.stringify({drawn}))"))


def form(name: str, extra: Mapping[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """What the browser computes for one setting of the controls."""
    return forms(name, [values], extra)[0]


def run_script(script: str) -> str:
    """The output of a script that may use ``maths`` and ``forms``."""
    files = [bundle.FOLDER / "maths.js", bundle.FOLDER / "registry.js", *bundle.form_files()]
    code = "\n".join(
        f"{{\n{path.read_text()}\n}}" if path.parent.name == "forms" else path.read_text() for path in files
    )
    return subprocess.run([NODE, "-e", f"{code}\n{script}"], capture_output=True, text=True, check=True).stdout


def readout(drawn: Mapping[str, Any], label: str) -> Any:
    """The value of the read-out whose label begins so."""
    return next(one["value"] for one in drawn["readouts"] if one["label"].startswith(label))
