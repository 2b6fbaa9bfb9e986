"""What installs, cites and describes the project agrees with pyproject.toml."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import companion

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]


@pytest.fixture(scope="module")
def environment() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))


def test_conda_installs_this_project_and_nothing_that_pyproject_does_not_name(project, environment):
    *conda, pip = environment["dependencies"]
    assert [entry.split(">")[0] for entry in conda] == ["python", "pip"]
    (install,) = pip["pip"]
    extras = re.fullmatch(r"--editable \.\[([\w,]+)\]", install)
    assert extras, f"environment.yml should install the project itself, not {install!r}"
    assert set(extras[1].split(",")) == {"book", "notebooks", "test"} <= set(project["optional-dependencies"])


def test_conda_offers_the_pythons_that_the_metadata_supports(project, environment):
    named = {c.rsplit(" ", 1)[1] for c in project["classifiers"] if re.search(r"Python :: 3\.\d", c)}
    low, high = re.fullmatch(r"python>=3\.(\d+),<3\.(\d+)", environment["dependencies"][0]).groups()
    assert project["requires-python"] == f">=3.{low}"
    assert named == {f"3.{minor}" for minor in range(int(low), int(high))}


def test_jupyter_book_stays_below_version_2_which_would_build_nothing(project):
    (book,) = (entry for entry in project["optional-dependencies"]["book"] if entry.startswith("jupyter-book"))
    assert book.endswith(",<2")


def test_the_citation_names_this_version_licence_and_repository(project):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert citation["version"] == project["version"] == companion.__version__
    assert citation["license"] == project["license"] == "MIT"
    assert citation["repository-code"] == project["urls"]["Repository"]


def test_the_readme_maps_folders_and_pages_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf8")
    links = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    folders = re.findall(r"^(\w+/)", text, flags=re.MULTILINE)
    assert folders
    assert [target for target in links + folders if not (ROOT / target).exists()] == []
