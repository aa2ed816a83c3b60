"""A box found in a view lands where it belongs in the picture."""

import numpy as np
import pytest

from core.errors import BadSettings
from core.views import VIEWS, first_views

HEIGHT, WIDTH = 96, 128


@pytest.mark.parametrize("view", VIEWS, ids=[view.name for view in VIEWS])
def test_a_bright_rectangle_found_in_a_view_is_mapped_back(view):
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    box = np.array([[40, 30, 70, 42]], np.float32)  # neither square nor centred: a swap or a missed flip would show
    picture[30:42, 40:70] = 255
    rows, columns = np.nonzero(view.apply(picture) > 127)
    seen = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    assert np.abs(view.back(seen, HEIGHT, WIDTH) - box).max() <= 1.0


@pytest.mark.parametrize("view", VIEWS, ids=[view.name for view in VIEWS])
def test_a_view_of_the_picture_changes_neither_its_size_nor_the_original(view):
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    before = picture.copy()
    assert view.apply(picture).shape == picture.shape
    assert np.array_equal(picture, before)


def test_views_differ_from_each_other():
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    assert len({view.apply(picture).tobytes() for view in VIEWS}) == len(VIEWS)


@pytest.mark.parametrize("count", [0, 9])
def test_a_number_of_views_that_do_not_exist_is_refused(count):
    with pytest.raises(BadSettings, match=f"views is {count}, but must be 1 to 8"):
        first_views(count)
