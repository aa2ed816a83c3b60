"""Each convention against numbers worked by hand, against the metric itself, and the golden count of box rows."""

import csv
from collections import Counter

import numpy as np
import pytest

from core.conventions import CONVENTIONS, METRIC, Convention, combined, explaining, read, read_all
from core.errors import BadPredictions
from core.evaluation import evaluate
from core.labels import GroundTruth
from core.scoring import Answer

BOX, EYE = (0, 0, 10, 10), np.eye(4)


def convention(name):
    return next(each for each in CONVENTIONS if each.name == name)


def labels(films, classes=(0, 1, 2, 3)):
    return GroundTruth(tuple(f"i{n}" for n in range(len(films))), tuple(f"s{n}" for n in range(len(classes))),
                       np.zeros(len(films)), np.reshape([box for film in films for box in film], (-1, 4)),
                       np.r_[0, np.cumsum([len(film) for film in films])], np.array(classes))


def answers(films, p_none=None, study=EYE):
    """`Answer` of films given as lists of (x_min, y_min, x_max, y_max, score)."""
    rows = np.array([row for film in films for row in film], float).reshape(-1, 5)
    p_none = np.linspace(1, 0, len(films)) if p_none is None else np.array(p_none, float)
    return Answer(tuple(f"i{n}" for n in range(len(films))), tuple(f"s{n}" for n in range(len(study))),
                  rows[:, :4].astype(np.float32), rows[:, 4], np.r_[0, np.cumsum([len(film) for film in films])],
                  p_none, np.asarray(study, float))


def box(width, score, left=0):
    """A detection as high as BOX whose left part is `width` of it: IoU `width` / 10 for widths up to 10."""
    return left, 0, left + width, 10, score


CASES = [
    # convention, ground truth, detections, opacity AP by the metric, by the convention, why
    ("IoU at least", [[BOX]], [[box(5, .9)]], 0, 1, "an IoU of just .5"),
    ("one pixel more", [[BOX]], [[box(5, .9)]], 0, 1, "6 x 11 of 11 x 11 is above .5"),
    ("whole pixels", [[BOX]], [[box(5.6, .9), box(5, .8)]], 1, 1, "5.6 stays above .5 as 6"),
    ("best free box", [[BOX, (2, 0, 12, 10)]], [[box(10, .9), box(10, .8, .5)]], 1 / 2, 1,
     "the second is nearer to the first box, but .74 of the other"),
    ("second hits forgiven", [[BOX], [BOX]], [[box(10, .9), box(9, .8)], [box(10, .7)]], 5 / 6, 1,
     "ranks 1 and 3: (1 + 2/3) / 2"),
    ("11-point", [[BOX], [BOX]], [[box(10, .9)], []], 1 / 2, 6 / 11, "precision 1 at recalls 0, .1 to .5"),
    ("101-point", [[BOX], [BOX]], [[box(10, .9)], []], 1 / 2, 51 / 101, "precision 1 at recalls 0, .01 to .5"),
    ("steps without envelope", [[BOX], [BOX, (20, 0, 30, 10)]], [[box(3, .9)], [box(10, .8), box(10, .7, 20)]],
     4 / 9, 7 / 18, "precisions 1/2 and 2/3 of 3 positives; the envelope lifts the first to 2/3"),
    ("trapezoid", [[BOX], [BOX]], [[box(10, .9)], [box(3, .8), box(10, .7)]], 5 / 6, 1 / 2 + (1 / 2 + 2 / 3) / 4,
     "from (0, 1) to (.5, 1), down to (.5, .5), to (1, 2/3)"),
    ("IoU .4", [[BOX]], [[box(4.5, .9)]], 0, 1, "an IoU of .45"),
    ("IoU .5 to .95", [[BOX]], [[box(7.2, .9)]], 1, 1 / 2, "above .5, .55, .6, .65 and .7"),
    ("ties, best order", [[], [BOX]], [[box(10, .5)], [box(10, .5)]], 1 / 2, 1, "the right one stands first"),
    ("ties, worst order", [[BOX], []], [[box(10, .5)], [box(10, .5)]], 1, 1 / 2, "the wrong one stands first"),
    ("not sorted inside the film", [[BOX]], [[box(9, .3), box(10, .9)]], 1, 1 / 2, "the weaker one took the box"),
    ("least confident first inside the film", [[BOX]], [[box(10, .9), box(9, .3)]], 1, 1 / 2, "and again"),
    ("not sorted over the set", [[], [BOX]], [[box(10, .3)], [box(10, .9)]], 1, 1 / 2, "the file's first film leads"),
    ("only boxed films", [[], [BOX]], [[box(10, .9)], [box(10, .8)]], 1 / 2, 1, "the boxless film does not count"),
    ("films repeated per box", [[BOX], [BOX, (20, 0, 30, 10)]], [[box(10, .5)], [box(3, .9), box(10, .8, 20)]],
     4 / 9, 9 / 25, "5 boxes; right at .8, .8 and .5, the second .8 hits a taken box"),
    ("confidence .5 up", [[BOX], [BOX]], [[box(10, .9)], [box(10, .4)]], 1, 1 / 2, "the second is not looked at"),
    ("one detection a film", [[BOX, (20, 0, 30, 10)]], [[box(10, .8), box(10, .9, 20)]], 1, 1 / 2, "one of two"),
]


@pytest.mark.parametrize(("name", "boxes", "found", "by_metric", "expected", "why"), CASES, ids=[c[0] for c in CASES])
def test_opacity_by_hand(name, boxes, found, by_metric, expected, why):
    truth, answer = labels(boxes), answers(found)
    assert read(truth, answer, METRIC).aps["opacity"] == pytest.approx(by_metric), why
    assert read(truth, answer, convention(name)).aps["opacity"] == pytest.approx(expected), why


def drawn(seed=3, films=60):
    rng = np.random.default_rng(seed)
    boxes = [[(x, y, x + 40, y + 50) for x, y in rng.uniform(0, 60, (rng.integers(0, 3), 2))] for _ in range(films)]
    found = [[(*(np.array(one) + rng.normal(0, 6, 4)), round(rng.random(), 2)) for one in film for _ in range(3)]
             + [(*rng.uniform(0, 50, 2), *rng.uniform(50, 99, 2), round(rng.random(), 2))] for film in boxes]
    return labels(boxes, rng.integers(0, 4, 30)), answers(found, rng.random(films), rng.dirichlet(np.ones(4), 30))


def test_the_metric_is_what_evaluate_gives():
    for seed in range(8):
        truth, answer = drawn(seed)
        reading = read(truth, answer, METRIC)
        result = evaluate(truth, answer, answer.p_none, answer.study)
        assert reading.aps == pytest.approx(result.aps) and reading.mean == pytest.approx(result.mean)


def test_every_convention_gives_figures_and_has_a_name_of_its_own():
    readings = read_all(*drawn())
    assert len({each.convention.name for each in readings}) == len(readings)
    for each in readings:
        assert all(0 <= ap <= 1 for ap in (*each.aps.values(), each.mean)), each
        assert each.convention.meaning.endswith(".") and each.convention.meaning.count(". ") == 0


def test_an_order_inside_the_film_that_is_right_changes_nothing():
    truth, answer = drawn()
    order = np.lexsort((-answer.scores, np.repeat(np.arange(60), np.diff(answer.offsets))))
    tidy = Answer(answer.image_ids, answer.study_ids, answer.boxes[order], answer.scores[order], answer.offsets,
                  answer.p_none, answer.study)
    assert read(truth, tidy, convention("not sorted inside the film")).aps == read(truth, tidy, METRIC).aps
    assert read(truth, answer, convention("not sorted inside the film")).aps["opacity"] < .9 * read(
        truth, answer, METRIC).aps["opacity"]


def test_absent_classes_in_the_mean():
    """The diary's .3620 for a none AP of .7240: opacity without prediction averaged in."""
    truth, answer = labels([[BOX], [], []], ()), answers([[], [], []], [.9, .8, .1], np.zeros((0, 4)))
    readings = {each.convention.name: each for each in read_all(truth, answer)}
    none = (2 / 3 + 2 / 3) / 2  # ranks 2 and 3: precisions 1/2 and 2/3, the envelope is 2/3
    assert readings["the metric"].mean == pytest.approx(none / 2)  # opacity is in the ground truth and never found
    assert readings["only predicted classes"].mean == pytest.approx(none)
    assert readings["absent class counted 0"].mean == pytest.approx(none / 6)
    assert readings["mean of the image classes"].mean == pytest.approx(none / 2)
    assert readings["mean of the study classes"].mean == 0


def test_two_departures_join_unless_they_change_the_same_rule():
    both = combined(convention("only boxed films"), convention("11-point"))
    assert (both.films, both.area, both.name) == ("boxed", "11", "only boxed films + 11-point")
    assert combined(convention("11-point"), convention("101-point")) is None
    assert combined(METRIC, convention("11-point")) is None


@pytest.mark.parametrize("name", ["only boxed films", "11-point", "shuffled inside the film", "one pixel more"])
def test_a_figure_leads_back_to_the_convention_that_gave_it(name):
    truth, answer = drawn(5)
    readings = read_all(truth, answer)
    figure = next(each for each in readings if each.convention.name == name).aps["opacity"]
    assert name in [each.convention.name for each in explaining(readings, "opacity", round(figure, 3))]
    assert explaining(readings, "opacity", 2) == ()


def test_an_answer_about_other_films_is_one_sentence():
    with pytest.raises(BadPredictions, match="about 1 films and 4 studies, but must be about the 2 and 4"):
        read(labels([[], []]), answers([[]]), Convention("", ""))


def test_golden_films_repeated_per_box(shared):
    """The diary's .72396 over box rows, from the distinct films and their number of boxes."""
    with (shared / "goldens" / "diary_none_003_ver09.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    times = Counter(row["image_id"] for row in rows if row["none"] != "1")
    films = list({row["image_id"]: row for row in rows})
    truth = labels([[BOX] * times[each] for each in films], ())
    first = {row["image_id"]: 1 - float(row["opacity_probability"]) for row in reversed(rows)}
    answer = answers([[] for _ in films], [first[each] for each in films], np.zeros((0, 4)))
    assert read(truth, answer, METRIC).aps["none"] == pytest.approx(.74068, abs=5e-5)
    assert read(truth, answer, convention("films repeated per box")).aps["none"] == pytest.approx(.72396, abs=5e-5)
