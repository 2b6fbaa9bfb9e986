"""A folder or a zip archive of class folders as a data set. Archives are read in place and never unpacked."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from companion.data.images import ImageSet
from companion.errors import CompanionError, unknown
from companion.progress import SILENT, Progress

# What Pillow and zipfile raise for damaged, encrypted or oversized content.
_UNREADABLE = (
    *(OSError, EOFError, ValueError, SyntaxError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, Image.DecompressionBombError),
)
SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".webp")


def read_class_folders(
    path: Path,
    *,
    size: int = 64,
    fit: str = "crop",
    grey: bool = False,
    classes: Sequence[str] | None = None,
    leave_out: Sequence[str] = (),
    name: str | None = None,
    fidelity: str = "as given",
    progress: Progress = SILENT,
) -> ImageSet:
    """Read the images below `path`, one folder a class.

    Classes and files are sorted by name in byte order, as the authors' framework does (``Motorbikes`` comes before
    ``airplanes``).

    Args:
        path: a folder, or a zip archive, that holds class folders of images.
        size: side length of the square images in pixels.
        fit: ``crop`` scales the shorter side to `size` and cuts the centre out; ``squash`` ignores the aspect ratio.
        grey: one channel instead of three.
        classes: read these classes only.
        leave_out: classes to leave out.
        name: the set's name; default the path's.
        fidelity: how the pixels relate to an official release.
        progress: told of every hundredth image.

    Raises:
        CompanionError: no such path, no class folders, an unsafe archive, an unreadable image.
    """
    if fit not in ("crop", "squash"):
        raise unknown("fit", fit, ("crop", "squash"))
    if not path.exists():
        raise CompanionError(f"There is no folder or zip archive {str(path)!r}.")
    with _opened(path) as (names, read):
        members = _by_class(names, path)
        members = {k: v for k, v in members.items() if k not in leave_out}
        for wanted in classes or ():
            if wanted not in members:
                raise unknown(f"class in {path.name}", wanted, members)
        members = {k: v for k, v in members.items() if classes is None or k in classes}
        total, images, labels = sum(map(len, members.values())), [], []
        for label, files in enumerate(members.values()):
            for file in files:
                images.append(_decode(read, file, path, size, fit, grey))
                labels.append(label)
                if len(images) % 100 == 0:
                    progress.update(len(images), total, f"reading {path.name}")
    return ImageSet(name or path.stem, torch.stack(images), torch.tensor(labels), tuple(members), fidelity=fidelity)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """The names of the files below a folder or in an archive, and a function that reads one."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        yield [file.relative_to(path).as_posix() for file in files], lambda name: (path / name).read_bytes()
        return
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise CompanionError(
            f"{str(path)!r} is not a complete zip archive ({error}). Fetch or make it again."
        ) from None
    with archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        for name in names:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
                raise CompanionError(
                    f"The archive {path.name!r} holds the unsafe path {name!r}, which leads outside of it. "
                    "It is not read; make it again with plain relative names."
                )
        yield names, archive.read


def _by_class(names: list[str], path: Path) -> dict[str, list[str]]:
    """Image names by class: the class is the folder that holds the image."""
    members: dict[str, list[str]] = {}
    for name in sorted(names):
        pure = PurePosixPath(name)
        if pure.suffix.lower() in SUFFIXES and len(pure.parts) > 1 and not pure.name.startswith("."):
            members.setdefault(pure.parts[-2], []).append(name)
    if not members:
        raise CompanionError(
            f"{str(path)!r} has no class folders with images. Expected CLASS/IMAGE with one of {', '.join(SUFFIXES)}."
        )
    return dict(sorted(members.items()))


def _decode(read: Callable[[str], bytes], name: str, path: Path, size: int, fit: str, grey: bool) -> Tensor:
    try:
        image = Image.open(io.BytesIO(read(name))).convert("L" if grey else "RGB")
    except _UNREADABLE as error:
        raise CompanionError(
            f"The image {name!r} in {str(path)!r} cannot be read ({error}). Replace it or take it out."
        ) from None
    pixels = np.asarray(fitted(image, size, fit))
    return torch.from_numpy(pixels.reshape(size, size, -1).transpose(2, 0, 1).copy())


def fitted(image: Image.Image, size: int, fit: str) -> Image.Image:
    """The image as a square of `size` pixels, by centre crop (``crop``) or ignoring the aspect ratio (``squash``)."""
    if fit == "squash":
        return image.resize((size, size), Image.Resampling.BILINEAR)
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size) // 2, (height - size) // 2
    return image.crop((left, top, left + size, top + size))
