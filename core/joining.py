"""Predictions of disjoint films joined into one store: those of several folds, or of films that came later."""

import numpy as np

from core.errors import BadPredictions
from core.predictions import Candidates, Predictions


def joined(parts):
    """One `Predictions` of all films and studies of `parts`; NaN where a source says nothing of a film.

    Raises `BadPredictions` when two parts predict the same film.
    """
    images = [image_id for part in parts for image_id in part.image_ids]
    twice = [image_id for image_id in images if images.count(image_id) > 1] if len(set(images)) < len(images) else ()
    if twice:
        raise BadPredictions(f"the film {twice[0]!r} is predicted in two parts, but each film must be in one: join "
                             "runs of one split.")
    study_row = {study_id: row for row, study_id in enumerate(dict.fromkeys(
        study_id for part in parts for study_id in part.study_ids))}
    opacity, opacity_sources = _stacked([(part.opacity, part.opacity_sources, None) for part in parts], len(images))
    study, study_sources = _stacked([(part.study, part.study_sources, [study_row[each] for each in part.study_ids])
                                     for part in parts], len(study_row))
    film_study = [study_row[part.study_ids[row]] if row >= 0 else -1 for part in parts for row in part.film_study]
    weights = []
    for row in (row for part in parts for row in part.manifest.get("weights", ())):
        if row not in weights:
            weights.append(row)
    errors = [error for part in parts for error in part.manifest.get("errors", ())]
    manifest = {**parts[0].manifest, "weights": weights, "errors": errors}
    return Predictions(tuple(images), tuple(study_row), _candidates(parts), opacity, opacity_sources, study,
                       study_sources, manifest, film_study)


def _stacked(parts, count):
    """Values [count,A,...] and their A sources, from (values, sources, rows) of each part; rows None: as they come."""
    sources = tuple(dict.fromkeys(source for _, own, _ in parts for source in own))
    place = {source: index for index, source in enumerate(sources)}
    full = np.full((count, len(sources), *parts[0][0].shape[2:]), np.nan, np.float32)
    start = 0
    for values, own, rows in parts:
        rows = np.arange(start, start + len(values)) if rows is None else np.array(rows, int)
        full[rows[:, None], [place[source] for source in own]] = values
        start += len(values)
    return full, sources


def _candidates(parts):
    found = [part.candidates for part in parts]
    sources = tuple(dict.fromkeys(source for each in found for source in each.sources))
    place = {source: index for index, source in enumerate(sources)}
    renumbered = [np.array([place[source] for source in each.sources], np.int16)[each.source] for each in found]
    counts = np.concatenate([np.diff(each.offsets) for each in found])
    return Candidates(np.concatenate([each.boxes for each in found]), np.concatenate([each.scores for each in found]),
                      np.concatenate(renumbered), np.r_[0, np.cumsum(counts)], sources)
