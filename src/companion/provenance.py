"""Where a number comes from: versions, hardware, the state of the code, the date."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import companion

COMPUTING = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pandas")  # what can change a number
SHOWING = ("matplotlib", "seaborn")  # what can change a figure


def library_versions(names: tuple[str, ...] = COMPUTING) -> dict[str, str]:
    """The installed versions of the named libraries."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def hardware(device: str = "cpu") -> dict[str, Any]:
    """The processor, its cores, the threads torch uses, and the GPU if `device` is one."""
    described: dict[str, Any] = {
        "device": device,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    if device.startswith("cuda"):
        described["gpu"] = torch.cuda.get_device_name(device)
    return described


def provenance(device: str = "cpu") -> dict[str, Any]:
    """Everything that a record says of where its numbers come from."""
    return {
        "package": companion.__version__,
        "code": code_state(),
        "python": platform.python_version(),
        "libraries": library_versions(),
        "hardware": hardware(device),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def code_state() -> str:
    """The git commit of the package's checkout, ``+`` appended when files differ from it; ``installed`` without one."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "installed"


def _processor() -> str:
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
