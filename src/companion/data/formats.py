"""How the catalogue's data sets are stored, and how each store is read into an ImageSet."""

import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from companion.data.folders import fitted, read_class_folders
from companion.data.images import ImageSet
from companion.errors import CompanionError
from companion.progress import SILENT, Progress

_PARTS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}
_IDX_NAMES = {"train": "train", "test": "t10k"}

MNIST_FILES = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
FASHION_FILES = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
_FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Request:
    """What is asked of a data set: the part, the size and fit of its images, the classes, who is told."""

    part: str = "all"
    size: int | None = None
    fit: str = "crop"
    classes: tuple[str, ...] | None = None
    progress: Progress = SILENT


def read_digits(request: Request) -> ImageSet:
    """scikit-learn's digits: 1,797 grey images, 8 x 8, values 0 to 16."""
    from sklearn.datasets import load_digits

    if request.part != "all":
        raise CompanionError("'digits' has no official parts: load it with part='all' and split it.")
    images, labels = load_digits(return_X_y=True)
    pixels = torch.from_numpy(images.reshape(-1, 1, 8, 8).astype(np.uint8))
    names = tuple(str(digit) for digit in range(10))
    loaded = ImageSet("digits", pixels, torch.from_numpy(labels).long(), names, full_scale=16)
    return _resized(loaded, request)


def read_idx_folder(folder: str, name: str) -> Callable[[Path, Request], ImageSet]:
    """A reader of the idx files of MNIST and its relatives, packed (.gz) or not."""
    names = _FASHION_CLASSES if folder == "FashionMNIST" else tuple(str(digit) for digit in range(10))

    def read(root: Path, request: Request) -> ImageSet:
        raw = root / folder / "raw"
        stems = [_IDX_NAMES[part] for part in _PARTS[request.part]]
        images = torch.cat([_idx(raw / f"{stem}-images-idx3-ubyte") for stem in stems])
        labels = torch.cat([_idx(raw / f"{stem}-labels-idx1-ubyte") for stem in stems])
        return _resized(ImageSet(name, images.unsqueeze(1), labels.long(), names), request)

    return read


def _idx(path: Path) -> Tensor:
    """The unsigned bytes of an idx file: four bytes of magic, big-endian sizes, then the values."""
    packed = path.with_name(path.name + ".gz")
    try:
        content = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    except (EOFError, OSError, zlib.error) as error:
        raise CompanionError(f"The file {packed.name!r} cannot be read ({error}). Fetch it again.") from None
    dimensions = content[3] if len(content) > 3 else 0
    if not dimensions or len(content) < 4 + 4 * dimensions:
        raise CompanionError(f"The file {path.name!r} is cut short: its header is not complete. Fetch it again.")
    shape = np.frombuffer(content, ">i4", dimensions, offset=4)
    values = np.frombuffer(content[4 + 4 * dimensions :], np.uint8)
    if values.size != int(np.prod(shape)):
        raise CompanionError(
            f"The file {path.name!r} is cut short: {values.size} of {np.prod(shape)} values. Fetch it again."
        )
    return torch.from_numpy(values.reshape(tuple(shape)).copy())


def read_cifar_mosaic(folder: str, train_labels: str, test_labels: str) -> Callable[[Path, Request], ImageSet]:
    """A reader of CIFAR images stored as one lossless mosaic of 100 columns a part."""

    def read(root: Path, request: Request) -> ImageSet:
        index = np.load(root / folder / "labels_and_index.npz", allow_pickle=False)
        images, labels = [], []
        for part in _PARTS[request.part]:
            which = index[f"lossless_{part}_index"]
            images.append(_tiles(root / folder / f"lossless_{part}.webp", len(which)))
            labels.append(index[train_labels if part == "train" else test_labels][which])
        names = index.get("fine_names", _CIFAR10_CLASSES)
        targets = torch.from_numpy(np.concatenate(labels)).long()
        return _resized(ImageSet(folder, torch.cat(images), targets, tuple(map(str, names))), request)

    return read


def _tiles(path: Path, count: int, columns: int = 100, side: int = 32) -> Tensor:
    mosaic = np.array(Image.open(path).convert("RGB"))
    tiles = mosaic.reshape(-1, side, columns, side, 3).transpose(0, 2, 4, 1, 3)
    return torch.from_numpy(tiles.reshape(-1, 3, side, side)[:count].copy())


def read_cifar10_jpeg(root: Path, request: Request) -> ImageSet:
    """CIFAR-10 as JPEG bytes in one npz file."""
    stored = np.load(root / "cifar10/cifar10_jpeg.npz", allow_pickle=False)
    images, labels = [], []
    for part in _PARTS[request.part]:
        content, offsets = stored[f"{part}_jpeg"], stored[f"{part}_offset"]
        for k, (start, end) in enumerate(pairwise(offsets)):
            pixels = np.asarray(Image.open(io.BytesIO(content[start:end].tobytes())).convert("RGB"))
            images.append(torch.from_numpy(pixels.transpose(2, 0, 1).copy()))
            if k % 1000 == 0:
                request.progress.update(k, len(offsets) - 1, f"reading cifar10_jpeg, {part}")
        labels.append(stored[f"{part}_labels"])
    targets = torch.from_numpy(np.concatenate(labels)).long()
    return _resized(ImageSet("cifar10_jpeg", torch.stack(images), targets, _CIFAR10_CLASSES), request)


def read_caltech101(root: Path, request: Request) -> ImageSet:
    """Caltech-101 without its background class; classes in byte order."""
    return read_class_folders(
        root / "caltech101/101_ObjectCategories",
        size=request.size or 64,
        fit=request.fit,
        classes=request.classes,
        leave_out=("BACKGROUND_Google",),
        name="caltech101",
        fidelity="exact",
        progress=request.progress,
    )


def read_torchvision(name: str, kind: str) -> Callable[[Path, Request], ImageSet]:
    """A reader through one of torchvision's data set classes."""
    arguments = {
        "CIFAR10": {"train": {"train": True}, "test": {"train": False}},
        "CIFAR100": {"train": {"train": True}, "test": {"train": False}},
        "FGVCAircraft": {"train": {"split": "trainval"}, "test": {"split": "test"}},
        "STL10": {"train": {"split": "train"}, "test": {"split": "test"}},
        "Flowers102": {
            "train": {"split": "train"},
            "validation": {"split": "val"},
            "test": {"split": "test"},
        },
    }[kind]
    parts = {"train": ("train", "validation"), "test": ("test",), "all": ("train", "validation", "test")}

    def read(root: Path, request: Request) -> ImageSet:
        from torchvision import datasets

        images, labels, names = [], [], ()
        for part in (p for p in parts[request.part] if p in arguments):
            source = getattr(datasets, kind)(str(root), **arguments[part], download=False)
            names = tuple(map(str, getattr(source, "classes", range(102))))
            for k, (image, label) in enumerate(source):
                size = request.size or (image.size[0] if image.size[0] == image.size[1] else 64)
                if kind == "FGVCAircraft":  # the lowest 20 pixels hold a copyright line that a network would learn
                    image = image.crop((0, 0, image.size[0], image.size[1] - 20))
                pixels = np.asarray(fitted(image.convert("RGB"), size, request.fit))
                images.append(torch.from_numpy(pixels.transpose(2, 0, 1).copy()))
                labels.append(int(label))
                if k % 100 == 0:
                    request.progress.update(k, len(source), f"reading {name}, {part}")
        return ImageSet(name, torch.stack(images), torch.tensor(labels), names)

    return read


def torchvision_download(kind: str) -> Callable[[Path], None]:
    """A function that fetches and verifies the official release of a torchvision data set into a folder."""

    def download(folder: Path) -> None:
        from torchvision import datasets

        splits = {"Flowers102": ("train",), "FGVCAircraft": ("trainval",), "STL10": ("train",)}
        if kind in splits:
            getattr(datasets, kind)(str(folder), split=splits[kind][0], download=True)
        else:
            getattr(datasets, kind)(str(folder), download=True)

    return download


def fetch(download: Callable[[Path], None], cache: Path) -> None:
    """Download into a temporary folder of the cache, then move what came into place: nothing is half there."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as temporary:
        try:
            download(Path(temporary))
        except (OSError, RuntimeError) as error:
            raise CompanionError(
                f"The download failed ({error}). Try again later, or put the files into a folder and name it in "
                "COMPANION_DATA."
            ) from error
        for entry in Path(temporary).iterdir():
            target = cache / entry.name
            if target.exists():
                shutil.rmtree(target) if target.is_dir() else target.unlink()
            entry.rename(target)


def with_fidelity(loaded: ImageSet, fidelity: str) -> ImageSet:
    """The same set, with another word on how it relates to the official release."""
    return replace(loaded, fidelity=fidelity)


def _resized(loaded: ImageSet, request: Request) -> ImageSet:
    """The set with its images brought to the requested size by bilinear interpolation."""
    if request.size is None or request.size == loaded.images.shape[-1]:
        return loaded
    smooth = torch.nn.functional.interpolate(
        loaded.images.float(), size=(request.size, request.size), mode="bilinear", antialias=True
    )
    return replace(loaded, images=smooth.round().clamp(0, 255).to(torch.uint8))
