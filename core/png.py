"""A picture as a PNG file. It knows nothing of films."""

import cv2
import numpy as np

from core.errors import BadSettings, GroundglassError
from core.files import whole_file


def write_png(path, picture):
    """Write `picture` uint8, grey [H,W] or RGB [H,W,3], to `path`, whole or not at all (`core.files.whole_file`).

    Raises `BadSettings` for anything else, `GroundglassError` when the place cannot be written.
    """
    if picture.dtype != np.uint8 or picture.shape[2:] not in ((), (3,)) or picture.ndim < 2 or not picture.size:
        raise BadSettings(f"the picture is {picture.dtype} {picture.shape}, but must be uint8 [H,W] or [H,W,3]: "
                          "convert it.")
    encoded, data = cv2.imencode(".png", picture if picture.ndim == 2 else picture[..., ::-1])
    if not encoded:
        raise GroundglassError(f"{path} cannot be written, since {picture.shape} pixels exceed what PNG holds: reduce "
                               "the picture.")
    with whole_file(path) as temporary:
        temporary.write_bytes(data.tobytes())
