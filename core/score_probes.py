"""The probes for confidences: hard or tied (7), left at a default (8), repeated (10), cut off by a threshold (13), and
what is constant, out of range, missing or does not sum.

This module knows nothing of files or of what else may be wrong.
"""

import numpy as np

from core.exhibits import mean
from core.findings import fault, mistake
from core.labels import STUDY_CLASSES

FEWEST = 10  # values that a share is taken of
HARD, FEW_VALUES, SATURATED = 0.5, 12, 0.95
SUM_OFF = 0.03
LEAST, EMPTY, CUT = 0.1, 0.25, 0.15  # least score, share of boxed films without a detection, and of boxes within .05
# of the least score, from which a threshold is too high


def probe_scores(exhibit, place):
    """Findings on confidences, missing and repeated rows of an `core.exhibits.Exhibit` at a `core.alignment.Place`."""
    default = _default_rows(exhibit.study)
    yield from _ties(exhibit, default)
    yield from _defaults(exhibit, default)
    yield from _repeats(exhibit)
    yield from _threshold(exhibit, place)
    yield from _flat(exhibit, default)
    yield from _range(exhibit)
    yield from _sums(exhibit, default)
    yield from _missing(exhibit, place)


def _families(exhibit, default):
    """(what it is, values [.]) of each kind of confidence and source, NaN left out."""
    for number, source in enumerate(exhibit.sources):
        yield f"detection scores{_of(exhibit, source)}", exhibit.scores[exhibit.source == number]
    for number, source in enumerate(exhibit.opacity_sources):
        yield f"p(none){_of(exhibit, source)}", exhibit.p_none[:, number]
    for number, source in enumerate(exhibit.study_sources):
        for place, name in enumerate(STUDY_CLASSES):
            yield f"p({name}){_of(exhibit, source)}", exhibit.study[~default[:, number], number, place]


def _of(exhibit, source):
    return "" if exhibit.is_csv else f" of {source.name}"


def _default_rows(study):
    """Rows bool [S,C] that say negative 1 and nothing else."""
    others = np.nan_to_num(study[..., 1:])
    return (study[..., 0] == 1) & (others == 0).all(axis=2)


def _ties(exhibit, default):
    said = []
    hard_study = _one_hot(exhibit)
    for name, values in _families(exhibit, default & ~hard_study):
        values = values[~np.isnan(values)]
        if len(values) < FEWEST:
            continue
        known, count = np.unique(values, return_counts=True)
        hard = np.isin(values, (0, 1)).mean()
        if hard >= HARD and (len(known) > 1 or known[0] in (0, 1)):
            said.append(f"{hard:.0%} of the {name} are just 0 or 1")
        elif 1 < len(known) <= min(FEW_VALUES, len(values) / 4):
            said.append(f"the {len(values):,} {name} have {len(known)} values")
        elif len(known) > 1 and count.max() >= 0.5 * len(values):
            said.append(f"{count.max() / len(values):.0%} of the {name} are {known[count.argmax()]:g}")
    if said:
        yield mistake(7, f"{'; '.join(said[:6])}{f'; and {len(said) - 6} more' if len(said) > 6 else ''}. "
                         "Predictions of "
                         "one confidence have no order, and average precision is the area under an order.", (),
                      "Write probabilities as the model gives them.")


def _one_hot(exhibit):
    """Sources bool [C] whose study rows are hard answers, of which the default is only one."""
    hard = np.isin(exhibit.study, (0, 1)).all(axis=2)
    others = (hard & (np.nan_to_num(exhibit.study[..., 1:]) == 1).any(axis=2)).sum(axis=0)
    return others >= np.maximum(1, 0.1 * hard.sum(axis=0))


def _films_of_studies(exhibit, rows):
    film_study = exhibit.manifest.get("film_study")
    if not isinstance(film_study, list) or len(film_study) != len(exhibit.image_ids):
        return []
    wanted = set(np.flatnonzero(rows).tolist())
    return [image_id for image_id, study in zip(exhibit.image_ids, film_study, strict=True) if study in wanted]


def _defaults(exhibit, default):
    default = default & ~_one_hot(exhibit)
    said = ~np.isnan(exhibit.study).all(axis=2)
    rows = default.any(axis=1)
    count = int(rows.sum())
    if count and (count >= max(3, 0.005 * len(rows)) or default.sum() == said.sum()):
        yield mistake(8, f"{count:,} of {len(rows):,} studies, such as {exhibit.study_ids[int(rows.argmax())]}, say "
                         "negative 1 0 0 1 1 and nothing else: the sample submission's row, which no model gave. Their "
                         "class score is not a model's.", _films_of_studies(exhibit, rows),
                      "Fill in what the study classifier says, or leave the rows out.")


def duplicates(exhibit):
    """Detections bool [N] that stand in the file once more, earlier, with the same film, source, box and score."""
    columns = [each.astype(np.float64) + 0.0 for each in (exhibit.film, exhibit.source, exhibit.scores,
                                                          *exhibit.boxes.T)]  # + 0 makes one of -0 and 0
    mixed = np.zeros(len(exhibit.film), np.uint64)
    for column in columns:
        mixed = (mixed ^ column.view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(mixed, kind="stable")
    same = np.flatnonzero(mixed[order[1:]] == mixed[order[:-1]])
    later, earlier = order[same + 1], order[same]
    again = np.zeros(len(mixed), bool)
    again[later[np.all([column[later] == column[earlier] for column in columns], axis=0)]] = True
    return again


def _repeats(exhibit):
    again = duplicates(exhibit)
    films = np.bincount(exhibit.film[again], minlength=len(exhibit.image_ids))
    boxes = (f"{again.sum():,} of {len(again):,} boxes stand in the file once more with the same score, on "
             f"{(films > 0).sum():,} films. ") if again.any() else ""
    if exhibit.repeated or (films > 0).sum() >= max(2, 0.005 * len(films)):
        told = (f"{len(exhibit.repeated):,} images or studies such as {exhibit.repeated[0]} have more than one row. "
                if exhibit.repeated else "")
        shown = [exhibit.image_ids[row] for row in np.argsort(-films, kind="stable") if films[row]]
        images = set(exhibit.image_ids)
        yield mistake(10, f"{told}{boxes}So the image was predicted once for each of its box rows, and its boxes count "
                          "several times.", dict.fromkeys([*shown, *(each for each in exhibit.repeated
                                                                     if each in images)]))


def _threshold(exhibit, place):
    """Per source: a high least score, and boxed films that are left without any detection."""
    said, bare = [], np.zeros(len(exhibit.image_ids), bool)
    for number, source in enumerate(exhibit.sources):
        mine = exhibit.source == number
        counts = np.bincount(exhibit.film[mine], minlength=len(exhibit.image_ids))
        empty = place.boxed & (counts == 0)
        if not mine.any() or place.boxed.sum() < FEWEST:
            continue
        least, share = exhibit.scores[mine].min(), empty.sum() / place.boxed.sum()
        cut = (exhibit.scores[mine] <= least + 0.05).mean()
        if least >= LEAST and share >= EMPTY and cut >= CUT:
            bare |= empty
            said.append(f"{mine.sum():,} boxes on {len(counts):,} films{_of(exhibit, source)}, none of a score below "
                        f"{least:.3g}, so that {empty.sum():,} of {place.boxed.sum():,} boxed films have none")
    if said:
        yield mistake(13, f"{'; '.join(said[:4])}. Average precision never gains from leaving out weak detections.",
                      [exhibit.image_ids[row] for row in np.flatnonzero(bare)],
                      "Fuse again from the candidates, with skip at .01 or so.")


def _flat(exhibit, default):
    for name, values in _families(exhibit, default):
        values = values[~np.isnan(values)]
        if len(values) < FEWEST:
            continue
        if (values == values[0]).all() and values[0] not in (0, 1):  # those are hard answers
            yield fault("constant scores", f"All {len(values):,} {name} are {values[0]:g}.", (), "Predict again.")
        elif (np.minimum(values, 1 - values) < 1e-3).mean() >= SATURATED and not np.isin(values, (0, 1)).mean() >= HARD:
            yield fault("saturated scores", f"{(np.minimum(values, 1 - values) < 1e-3).mean():.0%} of the "
                                            f"{len(values):,} "
                                            f"{name} lie within .001 of 0 or 1.", (), "Look at the model's outputs "
                                                                                     "before their softmax.")


def _range(exhibit):
    for name, values in _families(exhibit, np.zeros(exhibit.study.shape[:2], bool)):
        wrong = (values < 0) | (values > 1)
        if wrong.any():
            films = exhibit.image_ids if len(wrong) == len(exhibit.image_ids) else ()
            yield fault("confidences outside 0 to 1", f"{wrong.sum():,} of {len(values):,} {name} are not in 0 to "
                                                      "1, such "
                        f"as {values[wrong][0]:g}.", [films[row] for row in np.flatnonzero(wrong)] if films else ())


def _sums(exhibit, default):
    whole = ~np.isnan(exhibit.study).any(axis=2) & ~default
    off = whole & (np.abs(exhibit.study.sum(axis=2) - 1) > SUM_OFF)
    if off.any():
        rows = off.any(axis=1)
        worst = exhibit.study.sum(axis=2)[off]
        yield fault("probabilities that do not sum to 1", f"The four study probabilities of {rows.sum():,} of "
                    f"{len(rows):,} studies sum to {worst.min():.3f} to {worst.max():.3f}.",
                    _films_of_studies(exhibit, rows), "Write the softmax of the four classes.")


def _missing(exhibit, place):
    """Films without candidates among films that have many; films and studies without the probability others have."""
    for number, source in enumerate(exhibit.sources):
        mine = exhibit.source == number
        counts = np.bincount(exhibit.film[mine], minlength=len(exhibit.image_ids))
        empty = counts == 0
        few = int(((counts > 0) & (counts <= 3)).sum())
        boxed = place.boxed
        alike = not boxed.any() or empty[boxed].mean() >= 0.4 * empty.mean()
        cut = mine.any() and exhibit.scores[mine].min() >= LEAST  # a threshold may have emptied them
        if mine.any() and not cut and empty.sum() > 1 + 2 * few and alike and len(counts) >= FEWEST:
            yield fault("candidates missing", f"{empty.sum():,} of {len(counts):,} films have no box at all"
                        f"{_of(exhibit, source)}, though only {few:,} have one to three and the median film has "
                        f"{np.median(counts[~empty]):.0f}: they were not lost to a threshold.",
                        [exhibit.image_ids[row] for row in np.flatnonzero(empty)], "Predict these films.")
    for values, ids, words in ((mean(exhibit.p_none), exhibit.image_ids, "films have no p(opacity) or p(none)"),
                               (mean(exhibit.study[..., 0]), exhibit.study_ids, "studies have no class probability")):
        absent = np.isnan(values)
        if absent.any() and absent.mean() < 0.5:
            names = [ids[row] for row in np.flatnonzero(absent)]
            yield fault("probabilities missing", f"{absent.sum():,} of {len(ids):,} {words}, such as {names[0]}.",
                        names if ids is exhibit.image_ids else _films_of_studies(exhibit, absent), "Predict these.")
