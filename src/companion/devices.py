"""Which device computes, and why."""

from dataclasses import dataclass

import torch

from companion.errors import CompanionError, unknown

DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Device:
    """The chosen device and the reason for the choice."""

    name: str
    reason: str


def choose_device(wanted: str = "auto") -> Device:
    """Choose a device.

    Args:
        wanted: ``auto`` takes the GPU that CUDA offers, else the CPU; ``cpu``, ``cuda``, ``cuda:1`` or ``mps`` insist.

    Raises:
        CompanionError: the device is unknown or not there.
    """
    kind = wanted.partition(":")[0]
    if kind not in DEVICES:
        raise unknown("device", wanted, DEVICES)
    if kind == "cuda" and not torch.cuda.is_available():
        raise CompanionError(f"The device {wanted!r} is not there: torch sees no CUDA GPU. Choose cpu or auto.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise CompanionError("The device 'mps' is not there. Choose cpu or auto.")
    if wanted != "auto":
        return Device(wanted, "as asked")
    if torch.cuda.is_available():
        return Device("cuda", f"CUDA offers {torch.cuda.get_device_name()}")
    return Device("cpu", "torch sees no CUDA GPU")
