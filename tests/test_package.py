"""The package as a whole: what it imports, what it prints, what it documents, and which way its parts depend."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import companion

ROOT = Path(__file__).parent.parent
SOURCE = Path(companion.__file__).parent
SHARED = {"data", "ensemble", "explorer", "command_line", "sweep"}  # packages of the core; every other one is a paper's
PAPERS = sorted(path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists() and path.name not in SHARED)
MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
NOTEBOOK_PACKAGES = (
    "ipywidgets", "anywidget", "IPython", "ipykernel", "jupyter_client", "jupyterlab", "nbformat", "nbclient",
    "papermill", "sphinx",
)  # fmt: skip
NEEDS_NOTEBOOKS = {"controls", "explorer", "execution", "execution_key", "traced_engine", "notebook_progress"}
CONTINUES = {"edge_line": "predefined_filters"}  # its module is that of the earlier paper in another arrangement
STORAGE = {"records", "execution", "execution_key", "tracing", "provenance", "measure", "sweep", "command_line"}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((SOURCE / module).read_text(encoding="utf8"))


def imported(module: str) -> Iterator[str]:
    """The full names that a module imports, also inside its functions."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def belongs_to(name: str, tops: set[str] | tuple[str, ...]) -> bool:
    return any(name == top or name.startswith(f"{top}.") for top in tops)


# Imports


def test_the_core_imports_and_measures_without_any_notebook_package():
    code = f"""
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {NOTEBOOK_PACKAGES!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)

sys.meta_path.insert(0, Blocked())
import companion.measure, companion.claims, companion.figures, companion.command_line
import companion.few_data, companion.few_data.experiment, companion.few_data.figures
record = companion.measure.measure("few_data", parts="baselines", sizes="1", per_class=1, data="digits")
print(len(record.rows))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip() == "2"


@pytest.mark.parametrize("paper", PAPERS)
def test_a_papers_package_knows_nothing_of_notebooks_widgets_or_storage(paper):
    forbidden = tuple(f"companion.{name}" for name in NEEDS_NOTEBOOKS | STORAGE) + NOTEBOOK_PACKAGES
    found = {
        f"{module}: {name}"
        for module in MODULES
        if module.startswith(f"{paper}/")
        for name in imported(module)
        if belongs_to(name, forbidden)
    }
    assert found == set()


@pytest.mark.parametrize("paper", PAPERS)
def test_no_papers_package_depends_on_another_papers_unless_it_continues_it(paper):
    others = {f"companion.{name}" for name in PAPERS if name not in (paper, CONTINUES.get(paper))}
    found = {
        name
        for module in MODULES
        if module.startswith(f"{paper}/")
        for name in imported(module)
        if belongs_to(name, others)
    }
    assert found == set()


def test_the_shared_core_depends_on_no_paper():
    papers = {f"companion.{name}" for name in PAPERS}
    core = [module for module in MODULES if module.partition("/")[0] not in PAPERS]
    assert {f"{m}: {name}" for m in core for name in imported(m) if belongs_to(name, papers)} == set()


def test_only_the_executor_knows_papermill_and_only_controls_and_explorer_know_widgets():
    knows = {
        "papermill": {"execution", "traced_engine"},
        "ipywidgets": {"controls", "explorer"},
        "anywidget": {"explorer"},
    }
    for package, allowed in knows.items():
        users = {
            m.removesuffix(".py").partition("/")[0]
            for m in MODULES
            if any(belongs_to(n, (package,)) for n in imported(m))
        }
        assert users <= allowed, package


@pytest.mark.parametrize("module", ["training", "networks", "optimisers", "augmentation"])
def test_training_knows_nothing_of_notebooks_widgets_storage_or_data_sets(module):
    forbidden = tuple(f"companion.{name}" for name in NEEDS_NOTEBOOKS | STORAGE | {"data"}) + NOTEBOOK_PACKAGES
    assert [name for name in imported(f"{module}.py") if belongs_to(name, forbidden)] == []


# House rules


def test_nothing_in_the_package_prints():
    prints = [
        f"{module}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert prints == []


def test_every_module_says_what_it_is():
    assert [module for module in MODULES if not ast.get_docstring(tree(module))] == []


def test_every_public_class_and_every_public_function_of_more_than_one_formula_has_a_docstring():
    missing = [
        f"{module}: {node.name}"
        for module in MODULES
        for node in tree(module).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and not (len(node.body) == 1 and isinstance(node.body[0], ast.Return))  # its name and its formula say it all
    ]
    assert missing == []


def test_no_module_has_a_name_that_says_nothing():
    assert [m for m in MODULES if re.search(r"(^|[/_])(utils?|helpers?|common|misc)([/_.])", m)] == []


def test_no_file_of_the_package_is_longer_than_400_lines():
    assert [m for m in MODULES if (SOURCE / m).read_text(encoding="utf8").count("\n") > 400] == []


def test_weights_are_loaded_only_as_weights():
    calls = [
        f"{module}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "torch.load"
        and not any(k.arg == "weights_only" and getattr(k.value, "value", False) is True for k in node.keywords)
    ]
    assert calls == []


def test_no_path_of_a_machine_is_in_a_tracked_file():
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    machine = re.compile("|".join(["/" + "work/", "/" + r"root/", "/" + r"tmp/team", re.escape(str(ROOT)) + "/"]))
    found = []
    for name in filter(None, listed.split("\0")):
        if not (ROOT / name).is_file():
            continue
        try:
            text = (ROOT / name).read_text(encoding="utf8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{name}:{k}" for k, line in enumerate(text.splitlines(), 1) if machine.search(line)]
    assert found == []
