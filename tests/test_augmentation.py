"""Boxes follow their picture through every random change."""

import numpy as np
import pytest

from train.augmentation import STRENGTHS, Augmentation, augment

BOX = np.array([[30, 50, 60, 70]], np.float32)


def bright_rectangle():
    picture = np.full((128, 128), 20, np.uint8)
    picture[50:70, 30:60] = 200
    return picture


@pytest.mark.parametrize("seed", range(12))
def test_the_box_still_holds_the_rectangle(seed):
    how = Augmentation(degrees=0, noise=0, contrast=0, gamma=0)
    picture, boxes = augment(bright_rectangle(), BOX, how, np.random.default_rng(seed))
    rows, columns = np.nonzero(picture > 110)
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(boxes[0] - seen).max() <= 1.5


@pytest.mark.parametrize("seed", range(6))
def test_a_turned_box_is_the_hull_of_the_rectangle(seed):
    how = Augmentation(degrees=15, noise=0, contrast=0, gamma=0, zoom=0, stretch=0, shift=0)
    picture, boxes = augment(bright_rectangle(), BOX, how, np.random.default_rng(seed))
    rows, columns = np.nonzero(picture > 40)
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(boxes[0] - seen).max() <= 2.5


def test_a_box_that_leaves_the_picture_is_dropped():
    corner = np.array([[0, 0, 4, 4]], np.float32)
    how = Augmentation(flip=0, degrees=0, stretch=0, noise=0, contrast=0, gamma=0, zoom=0, shift=0.5)
    kept = [len(augment(bright_rectangle(), corner, how, np.random.default_rng(seed))[1]) for seed in range(20)]
    assert 0 in kept
    assert 1 in kept


@pytest.mark.parametrize("name", STRENGTHS)
def test_a_seed_decides_everything_and_the_original_is_untouched(name):
    picture = bright_rectangle()
    first = augment(picture, BOX, STRENGTHS[name], np.random.default_rng(3))
    second = augment(picture, BOX, STRENGTHS[name], np.random.default_rng(3))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert np.array_equal(picture, bright_rectangle())


def test_none_changes_nothing():
    picture, boxes = augment(bright_rectangle(), BOX, STRENGTHS["none"], np.random.default_rng(0))
    assert np.array_equal(picture, bright_rectangle())
    assert np.allclose(boxes, BOX)
