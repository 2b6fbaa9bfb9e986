"""Pictures in a record: images side by side as one small PNG or JPEG, in text."""

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

__all__ = ["decode_pictures", "encode_pictures"]

JPEG_QUALITY = 92


def encode_pictures(images: Tensor) -> str:
    """Images ``[N, C, H, W]`` from 0 to 1, side by side, as base64: PNG for grey ones, JPEG for colour."""
    side_by_side = torch.cat(list(images.cpu()), dim=2)
    pixels = (255 * side_by_side).round().to(torch.uint8).numpy()
    stream = io.BytesIO()
    if len(pixels) == 1:
        Image.fromarray(pixels[0]).save(stream, "PNG", optimize=True)
    else:
        Image.fromarray(pixels.transpose(1, 2, 0)).save(stream, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return base64.b64encode(stream.getvalue()).decode("ascii")


def decode_pictures(text: str) -> np.ndarray:
    """The square images of :func:`encode_pictures` as uint8 ``[N, H, W]`` or ``[N, H, W, 3]``."""
    strip = np.array(Image.open(io.BytesIO(base64.b64decode(text))))
    return np.stack(np.split(strip, strip.shape[1] // strip.shape[0], axis=1))
