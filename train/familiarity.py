"""Statistics of the films that a bundled network knows, by which others are doubted: see `core.familiarity`."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from core.dataset import open_dataset
from core.dicom import read_film
from core.display import model_picture
from core.errors import GroundglassError
from core.familiarity import BUNDLED, fitted, save_familiarity
from core.features import open_features
from train.data import held_images


def make(data, fold, out=BUNDLED):
    """Fit on the labelled films of `data` outside `fold`, set the bound by those inside it, write `out`; a sentence."""
    dataset, held = open_dataset(data), set(held_images(data, fold, folds=5, seed=0))
    images = [image for image in dataset.images[:len(dataset.truth.image_ids)] if image.path is not None]
    features = open_features()
    with ThreadPoolExecutor(2) as pool:
        pictures = list(pool.map(_picture, images))
    kept = [(image, picture) for image, picture in zip(images, pictures, strict=True) if picture is not None]
    found = features([picture for _, picture in kept])
    inside = np.array([image.image_id in held for image, _ in kept])
    made = fitted(found[~inside], found[inside])
    save_familiarity(out, made)
    return f"{out}: from {(~inside).sum()} films, bound {made.threshold:.0f} from {inside.sum()} held ones"


def _picture(image):
    try:
        return model_picture(read_film(image.path))
    except GroundglassError:
        return None
