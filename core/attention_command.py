"""The command `attention`: a film with what classifiers drew on laid over it, as PNG."""

import json
from pathlib import Path

import cv2
import numpy as np

from core.options import say

TINT = (255, 120, 0)  # RGB; grey films have no colour of their own


def add(commands):
    """The command's options."""
    parser = commands.add_parser("attention", help="show what classifiers looked at on a film",
                                 description="Writes the film with the heat map laid over it, and prints one JSON line "
                                             "with the map itself. Not a segmentation.")
    parser.add_argument("film", type=Path, metavar="FILM", help="a DICOM file")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, metavar="FILE",
                        help="classifiers, safetensors; those that do not know the class are left out")
    parser.add_argument("--of", default="opacity", metavar="CLASS",
                        help="opacity, negative, typical, indeterminate or atypical (default opacity)")
    parser.add_argument("--out", type=Path, required=True, metavar="PNG", help="where the picture goes")
    parser.set_defaults(run_command=_attention)


def _attention(given):
    from core.attention import attention
    from core.dicom import read_film
    from core.display import shown
    from core.models import open_model, pick_device
    from core.png import write_png
    from core.weights import read_card

    film, device = read_film(given.film), pick_device("cpu")
    models = {path.stem: open_model(path, device) for path in given.weights if read_card(path).task != "detector"}
    found = attention(film, models, given.of)
    write_png(given.out, overlaid(shown(film), found.grid))
    say(found.title)
    print(json.dumps({"file": str(given.film), "png": str(given.out), "class": found.asked, "networks": found.names,
                      "probability": round(found.probability, 4), "title": found.title,
                      "grid": np.round(found.grid, 4).tolist()}))


def overlaid(grey, grid):
    """RGB uint8 [H,W,3]: the film `grey` uint8 [H,W], tinted by at most a half where `grid` [h,w] (0..1) is strong."""
    share = cv2.resize(grid, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)[..., None] / 2
    return (grey[..., None] * (1 - share) + np.array(TINT, np.float32) * share + 0.5).astype(np.uint8)
