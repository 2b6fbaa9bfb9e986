"""Many small images as one compressed picture inside the page."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from companion.errors import CompanionError


def pack(images: Sequence[Any]) -> tuple[list[int | None], dict[str, Any]]:
    """One sprite of all images, each different image once.

    Args:
        images: arrays or tensors [H, W], [H, W, 3] or [3, H, W], all of one size; uint8, or floats in [0, 1]; or None.

    Returns:
        The number of each image's tile (None for None), and the sprite as the browser reads it.

    Raises:
        CompanionError: there is no image, or the images differ in size.
    """
    tiles: dict[bytes, int] = {}
    arrays, numbers = [], []
    for image in images:
        if image is None:
            numbers.append(None)
            continue
        array = as_bytes(image)
        key = array.tobytes()
        if key not in tiles:
            tiles[key] = len(arrays)
            arrays.append(array)
        numbers.append(tiles[key])
    if not arrays:
        raise CompanionError("There is no image in the image column.")
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise CompanionError(f"The images must have one size; found {', '.join(map(str, sorted(shapes)))}.")
    return numbers, _sheet(np.stack(arrays))


def as_bytes(image: Any) -> np.ndarray:
    """An image as uint8 [H, W] or [H, W, 3]."""
    array = np.asarray(image.detach().cpu() if hasattr(image, "detach") else image)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[-1] not in (1, 3):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3):
        raise CompanionError(f"An image must be [H, W], [H, W, 3] or [3, H, W], not {list(array.shape)}.")
    if array.dtype != np.uint8:
        array = np.round(np.clip(np.nan_to_num(array.astype(float)), 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(array)


def _sheet(tiles: np.ndarray) -> dict[str, Any]:
    """Tiles [N, H, W(, 3)] side by side in a nearly square PNG."""
    N, H, W = tiles.shape[:3]  # tiles, height, width
    across = max(1, math.ceil(math.sqrt(N * H / W)))
    down = math.ceil(N / across)
    sheet = np.zeros((down * H, across * W, *tiles.shape[3:]), np.uint8)
    for k, tile in enumerate(tiles):
        row, column = divmod(k, across)
        sheet[row * H : (row + 1) * H, column * W : (column + 1) * W] = tile
    return {"uri": data_uri(Image.fromarray(sheet)), "width": W, "height": H, "across": across}


def data_uri(picture: Image.Image) -> str:
    """A picture as a PNG that stands in the page itself; photographs are reduced to 256 colours."""
    if picture.mode == "RGB":
        picture = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
