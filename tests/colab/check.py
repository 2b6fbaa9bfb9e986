"""The notebooks in an environment with Google Colab's versions: what `make test-all` runs.

    python tests/colab/check.py FOLDER [--python PYTHON] [NOTEBOOK ...]

Makes an environment in FOLDER with the versions of requirements.txt (Colab has no papermill, an old ipykernel and an
old ipywidgets) and executes the notebooks there at quick scale as Colab does: a module ``google.colab`` is loaded, so
that the first cell installs the package, here from this checkout. Fails when a notebook fails, or when the first cell
changed a version of anything that was there before.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ADDRESS = "git+https://github.com/luebeck-companion/luebeck-companion"
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
source, target, address, checkout, scale = sys.argv[1:]
notebook = nbformat.read(source, 4)
for cell in notebook.cells:
    cell.source = cell.source.replace(address, checkout)
guards = [cell for cell in notebook.cells if checkout in cell.source]
assert len(guards) == 1, f"{len(guards)} cells of {source} install the package: one is expected."
first = nbformat.v4.new_code_cell("import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab')")
notebook.cells.insert(0, first)
parameters = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
notebook.cells.insert(parameters + 1, nbformat.v4.new_code_cell(f"scale = {scale!r}"))
try:
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
finally:
    nbformat.write(notebook, target)
"""


def environment(folder: Path, python: str) -> Path:
    """The interpreter of the environment, which is made first where requirements.txt is newer than it."""
    interpreter, done = folder / "bin" / "python", folder / ".complete"
    wanted = HERE / "requirements.txt"
    if not done.exists() or done.stat().st_mtime < wanted.stat().st_mtime:
        uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--seed", "--clear", "--python", python, folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--python", interpreter, "-r", wanted]
        subprocess.run(install, check=True)
        done.touch()
    return interpreter


def versions(interpreter: Path) -> set[str]:
    """The installed distributions with their versions, without this project's package."""
    code = (
        "from importlib.metadata import distributions\n"
        "for d in distributions(): print(d.metadata['Name'] + ' ' + d.version)"
    )
    listed = subprocess.run([interpreter, "-c", code], check=True, capture_output=True, text=True).stdout
    return {line for line in listed.splitlines() if not line.startswith("luebeck")}


def execute(interpreter: Path, notebook: Path, target: Path, records: Path) -> None:
    """Execute one notebook there; its executed copy is kept, also of a failed one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    own = {
        "PATH": f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "COMPANION_RECORDS": str(records),
    }
    dropped = {"PYTHONPATH", "VIRTUAL_ENV", "COMPANION_DATA", "MPLBACKEND"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    command = [interpreter, "-c", EXECUTE, notebook, target, ADDRESS, ROOT, "quick"]
    subprocess.run(command, check=True, env=kept | own, cwd=notebook.parent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the environment and the executed notebooks go")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment (Colab: 3.13)")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    interpreter = environment(folder / "environment", arguments.python)
    before, failed = versions(interpreter), []
    sys.stdout.write("\n".join(sorted(before, key=str.lower)) + "\n")
    for notebook in arguments.notebooks or sorted((ROOT / "notebooks").glob("*/*.ipynb")):
        started, name = time.monotonic(), notebook.absolute().relative_to(ROOT)
        try:
            execute(interpreter, notebook.absolute(), folder / "executed" / name, folder / "records")
        except subprocess.CalledProcessError:
            failed.append(str(name))
        state = "FAILED" if str(name) in failed else "executed"
        sys.stdout.write(f"{name}: {state} in {time.monotonic() - started:.0f} s\n")
        sys.stdout.flush()
    changed = before ^ versions(interpreter)
    if changed:
        sys.stdout.write(f"The first cell changed what was preinstalled: {', '.join(sorted(changed))}\n")
    return bool(failed or changed)


if __name__ == "__main__":
    sys.exit(main())
