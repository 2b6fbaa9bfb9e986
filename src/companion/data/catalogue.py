"""The data sets known by name, where each is looked for, and how it is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from companion.data import formats
from companion.data.folders import read_class_folders
from companion.data.images import ImageSet
from companion.data.roots import VARIABLE, cache_folder, data_roots, search_path, verify
from companion.errors import CompanionError, unknown
from companion.progress import SILENT, Progress


@dataclass(frozen=True)
class Form:
    """One form in which a data set may lie below a root.

    Attributes:
        marker: the path that tells that it is there.
        read: reads it.
        checksums: the files to verify, with MD5 or SHA-256.
        fidelity: how its pixels relate to the official release.
    """

    marker: str
    read: Callable[[Path, formats.Request], ImageSet]
    checksums: dict[str, str]
    fidelity: str = "exact"


@dataclass(frozen=True)
class DataSet:
    """A data set known by name: its forms in order of preference, and its official download if there is one."""

    name: str
    about: str
    forms: tuple[Form, ...]
    download: Callable[[Path], None] | None = None
    has_test_part: bool = True


@dataclass(frozen=True)
class Found:
    """A data set that was found: in which form, below which root."""

    form: Form
    root: Path


def _idx(folder: str, files: dict[str, str], about: str, name: str) -> DataSet:
    checksums = {f"{folder}/raw/{file}": md5 for file, md5 in files.items()}
    form = Form(f"{folder}/raw", formats.read_idx_folder(folder, name), checksums)
    return DataSet(name, about, (form,), formats.torchvision_download(folder))


def _torchvision(name: str, kind: str, marker: str, about: str, has_test_part: bool = True) -> DataSet:
    form = Form(marker, formats.read_torchvision(name, kind), {})
    return DataSet(name, about, (form,), formats.torchvision_download(kind), has_test_part)


_CIFAR10_LOSSLESS = Form(
    "cifar10/lossless_train.webp",
    formats.read_cifar_mosaic("cifar10", "train_labels", "test_labels"),
    {
        "cifar10/lossless_train.webp": "e58a575781c594dd1b3074e28d336d76e11d510e170788dd6af844692fe51a04",
        "cifar10/lossless_test.webp": "48026c7e959bd868b0a4d819daf821f0f8ede83e39162d0fe14e619dca4b3e5b",
        "cifar10/labels_and_index.npz": "3f3436cde9ded60756dd8f7573cce08d846f5480cb0e4e33e5cff7bb7b46acc3",
    },
    "exact pixels, a part: 8,336 of 50,000 training and 1,017 of 10,000 test images",
)
_CIFAR10_JPEG = Form(
    "cifar10/cifar10_jpeg.npz",
    formats.read_cifar10_jpeg,
    {"cifar10/cifar10_jpeg.npz": "2945f8a8cfc794aae9120aef41847d63642f75c1af56b55842adf440d41ddc61"},
    "all images, reduced: JPEG, median PSNR 30.5 dB",
)
_CIFAR100_LOSSLESS = Form(
    "cifar100/lossless_train.webp",
    formats.read_cifar_mosaic("cifar100", "train_fine", "test_fine"),
    {
        "cifar100/lossless_train.webp": "84b88f92bae4f19aeb13bf61ef32545ef5eff78d7400175eeab71f0523b3b49b",
        "cifar100/lossless_test.webp": "a71387875855903d19a2a2486940cd6ff85c14817cbafb74de97e677cd7aae5f",
        "cifar100/labels_and_index.npz": "e82fbd4e20bae5f223b201c2dc6dc0865508a1550d7385c5180d09ec8ee7f6f9",
    },
    "exact pixels, a small part: 1,117 training and 916 test images",
)

DATA_SETS: dict[str, DataSet] = {
    data_set.name: data_set
    for data_set in (
        DataSet("digits", "1,797 grey images of digits, 8 x 8, ships with scikit-learn", (), None, False),
        _idx("MNIST", formats.MNIST_FILES, "70,000 grey images of digits, 28 x 28", "mnist"),
        _idx("FashionMNIST", formats.FASHION_FILES, "70,000 grey images of clothes, 28 x 28", "fashion_mnist"),
        DataSet(
            "cifar10",
            "60,000 colour images of 10 kinds of things, 32 x 32",
            (
                Form("cifar-10-batches-py", formats.read_torchvision("cifar10", "CIFAR10"), {}),
                _CIFAR10_LOSSLESS,
            ),
            formats.torchvision_download("CIFAR10"),
        ),
        DataSet("cifar10_jpeg", "CIFAR-10 with all images as JPEG: complete, but lossy", (_CIFAR10_JPEG,)),
        DataSet(
            "cifar100",
            "60,000 colour images of 100 kinds of things, 32 x 32",
            (
                Form("cifar-100-python", formats.read_torchvision("cifar100", "CIFAR100"), {}),
                _CIFAR100_LOSSLESS,
            ),
            formats.torchvision_download("CIFAR100"),
        ),
        DataSet(
            "caltech101",
            "8,677 colour photographs of 101 kinds of things, about 300 x 200",
            (Form("caltech101/101_ObjectCategories", formats.read_caltech101, {}),),
            formats.torchvision_download("Caltech101"),
            has_test_part=False,
        ),
        _torchvision("flowers102", "Flowers102", "flowers-102/jpg", "8,189 photographs of 102 flowers"),
        _torchvision(
            "fgvc_aircraft",
            "FGVCAircraft",
            "fgvc-aircraft-2013b",
            "10,000 photographs of 100 aircraft variants",
        ),
        _torchvision("stl10", "STL10", "stl10_binary", "13,000 labelled colour images of 10 kinds, 96 x 96"),
    )
}


def find(name: str) -> Found | None:
    """Where the data set lies, or None. Earlier roots win over later ones, better forms over lesser ones."""
    if name not in DATA_SETS:
        raise unknown("data set", name, [*DATA_SETS, "folder:PATH"])
    for form in DATA_SETS[name].forms:
        for root in search_path():
            if (root / form.marker).exists():
                return Found(form, root)
    return None


def check(name: str) -> dict[str, str]:
    """Verify the files of a found data set; returns what was verified, by file.

    Raises:
        CompanionError: a file is missing or damaged.
    """
    found = find(name)
    if found is None:
        raise CompanionError(_not_found(name))
    for file, expected in found.form.checksums.items():
        path = found.root / file
        if path.exists():
            verify(path, expected)
        elif not path.with_suffix("").exists():
            raise CompanionError(f"The file {file!r} of {name!r} is missing below {str(found.root)!r}.")
    return {str(found.root / file): digest for file, digest in found.form.checksums.items()}


def load(
    name: str,
    part: str = "all",
    *,
    size: int | None = None,
    fit: str = "crop",
    classes: Sequence[str] | None = None,
    device: str = "cpu",
    download: bool = False,
    progress: Progress = SILENT,
) -> ImageSet:
    """Load a data set by name.

    It is looked for in the roots of ``COMPANION_DATA``, then in the user's cache, then (only with ``download=True``)
    fetched from its official source into the cache.

    Args:
        name: one of ``DATA_SETS``, or ``folder:PATH`` for any folder or zip of class folders. A relative PATH is
            also looked for below the roots.
        part: ``train``, ``test`` or ``all``; sets without an official split have only ``all``.
        size: side length in pixels to bring the images to; default: as they are (64 for photographs of all sizes).
        fit: ``crop`` or ``squash``, for photographs.
        classes: keep these classes only.
        device: the device that the tensors go to.
        download: fetch the official release when the set is nowhere.
        progress: told how far reading is.

    Raises:
        CompanionError: an unknown name, a missing or damaged file.
    """
    request = formats.Request(part, size, fit, tuple(classes) if classes else None, progress)
    if part not in ("train", "test", "all"):
        raise unknown("part", part, ("train", "test", "all"))
    if name.startswith("folder:"):
        loaded = read_class_folders(
            _folder(name.removeprefix("folder:")),
            size=size or 64,
            fit=fit,
            classes=request.classes,
            name=name,
            progress=progress,
        )
    elif name == "digits":
        loaded = formats.read_digits(request)
    else:
        loaded = _read_found(name, request, download)
    if classes and set(classes) != set(loaded.classes):
        loaded = loaded.only(classes)
    return loaded.to(device)


def _read_found(name: str, request: formats.Request, download: bool) -> ImageSet:
    found = find(name)
    if found is None and download and DATA_SETS[name].download:
        formats.fetch(DATA_SETS[name].download, cache_folder())
        found = find(name)
    if found is None:
        raise CompanionError(_not_found(name))
    if request.part != "all" and not DATA_SETS[name].has_test_part:
        raise CompanionError(f"{name!r} has no official {request.part} part: load it with part='all' and split it.")
    check(name)
    loaded = found.form.read(found.root, request)
    if found.form.fidelity != "exact":
        loaded = formats.with_fidelity(loaded, found.form.fidelity)
    return loaded


def _folder(given: str) -> Path:
    path = Path(given).expanduser()
    candidates = [path] if path.is_absolute() else [path, *(root / path for root in data_roots())]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise CompanionError(f"There is no folder or zip archive {given!r} (looked at {looked}).")


def _not_found(name: str) -> str:
    looked = ", ".join(map(str, search_path()))
    fetch = f"`companion data get {name}` fetches it" if DATA_SETS[name].download else "It has no download"
    return (
        f"The data set {name!r} is not on this machine (looked in {looked}). {fetch}; "
        f"or set {VARIABLE} to a folder that holds it."
    )
