"""A list of ids that the user names, and what it means for labels and for films.

It knows nothing of predictions.
"""

from pathlib import Path

from core.errors import BadDataset, BadTable
from core.tables import insist, read_lines, read_table, shown


def read_ids(path):
    """The ids in the file at `path`, as written: the column `id` of a CSV that has one, else one a line.

    Raises `BadTable` when it cannot be read or holds none.
    """
    path = Path(path)
    lines = read_lines(path)
    if lines and "id" in lines[0].split(","):
        table = read_table(path, ("id",))
        insist(table.faults)
        lines = table.cells["id"]
    ids = tuple(line.strip() for line in lines if line.strip())
    if not ids:
        raise BadTable(f"{path} holds no id, but at least one is needed: write one a line.")
    return ids


def labelled(truth, ids):
    """(image ids, study ids) of `truth` that `ids` mean: films with their studies, and studies named
    themselves.

    An id may end in `_image` or `_study`; a bare one is a film's before it is a study's. Raises `BadDataset`
    for an id that has no label.
    """
    study_of = {image_id: truth.study_ids[study] for image_id, study in
                zip(truth.image_ids, truth.image_study.tolist(), strict=True)}
    images, studies = _sorted_out(ids, study_of, set(truth.study_ids), "labels")
    return tuple(images), tuple(dict.fromkeys([*(study_of[image_id] for image_id in images), *studies]))


def images_of(dataset, ids):
    """Image ids of `dataset` that `ids` mean: films, and all films of a study.

    Raises `BadDataset` when unknown.
    """
    study_of = {image.image_id: image.study_id for image in dataset.images}
    images, studies = _sorted_out(ids, study_of, set(study_of.values()), "films")
    wanted, chosen = set(images), set(studies)
    return tuple(image_id for image_id, study_id in study_of.items() if image_id in wanted or study_id in chosen)


def _sorted_out(ids, images, studies, what):
    """`ids` as those of images and those of studies, each once and without suffix."""
    found = {}, {}
    for each in ids:
        image_id, study_id = each.removesuffix("_image"), each.removesuffix("_study")
        if image_id in images:
            found[0][image_id] = None
        elif study_id in studies:
            found[1][study_id] = None
        else:
            raise BadDataset(f"the id {shown(each)} is not among the {what} of the data set, but each id "
                             "named must be: mend the list.")
    return found
