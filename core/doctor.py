"""The doctor: finds what is wrong with predictions from the files alone, says how it knows, and mends what can be.

Every probe looks at the files as they stand; those of confidences look at the boxes as cured. This module knows nothing
of display.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.box_probes import opacity_ap, probe_boxes
from core.errors import BadPredictions
from core.exhibits import as_answer, as_predictions
from core.figure_probes import probe_figures
from core.findings import Finding, fault
from core.fold_probes import folds_of_sources, probe_folds
from core.fusion import FusionSettings
from core.levels import ScoreSettings
from core.origin_probes import probe_origins
from core.score_probes import duplicates, probe_scores
from core.scoring import answer as conclude_all
from core.scoring import score
from core.tables import ON_A_PAGE, some
from core.witnesses import place_of

NEARLY = 0.03  # share of the labelled films that may lack before predictions count as of a part of the set
FOREIGN = 0.15  # share of unknown films from which predictions count as of a larger set


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """`findings` on predictions; opacity AP as the file stands and of the exhibit `cured`, None without one."""

    findings: tuple[Finding, ...]
    films: int
    studies: int
    opacity_before: float | None
    opacity_after: float | None
    cured: object = field(repr=False, default=None)

    def as_dict(self):
        """The findings alone, for JSON."""
        return {"findings": [each.as_dict() for each in self.findings]}

    def lines(self):
        """The diagnosis as lines of text."""
        yield f"{self.films:,} films and {self.studies:,} studies examined, {len(self.findings) or 'no'} findings"
        for each in self.findings:
            yield f"{f'mistake {each.mistake}' if each.mistake else 'fault'}: {each.name}"
            yield f"  {each.evidence}"
            if each.films:
                more = f" and {len(each.films) - 5:,} more" if len(each.films) > 5 else ""
                yield f"  shown by {', '.join(each.films[:5])}{more}"
            if each.remedy:
                yield f"  {each.remedy}"


def examine(exhibit, dataset, *, folds=None, pictures=None, weights=(), figures=(), fusion=None, scoring=None):
    """The `Diagnosis` of an `core.exhibits.Exhibit` about films of a `core.dataset.Dataset`.

    folds: rows (id, fold) as `core.fold_probes.read_folds` gives them, else those that the sources name; pictures: a
    function such as `core.exploration.small_pictures`, which reads films to find near-identical ones, None for no such
    look; weights: paths to look for weights in; figures: texts such as opacity=.248 that another program printed;
    fusion, scoring: the settings by which candidates become the answer that these figures are about. Raises
    `BadPredictions` when none of the films and studies is the data set's, and `BadSettings` and `BadTable` for what
    else is named wrongly.
    """
    _insist(exhibit, dataset)
    place = place_of(exhibit.image_ids, dataset)
    boxes = probe_boxes(exhibit, place, fusion)
    rows = folds if folds is not None else folds_of_sources(exhibit)
    parted = folds is not None or len({fold for _, fold in rows}) > 1
    own_folds = probe_folds(rows, dataset, pictures) if parted else ()
    findings = [*boxes.findings, *probe_scores(boxes.cured, place), *own_folds, *probe_origins(exhibit, weights),
                *_strange(exhibit, dataset),
                *(fault("rows that cannot be read", each) for each in some(exhibit.faults, most=ON_A_PAGE))]
    if figures and dataset.truth is not None:
        findings += probe_figures(score(dataset.truth, answer(exhibit, fusion, scoring)), figures)
    cured = boxes.cured.rows(~duplicates(boxes.cured))
    changed = len(cured.boxes) < len(exhibit.boxes) or not np.array_equal(cured.boxes, exhibit.boxes)
    before = opacity_ap(exhibit, place, fusion) if len(exhibit.boxes) else None
    after = opacity_ap(cured, place, fusion) if changed and before is not None else None
    order = sorted(findings, key=lambda each: (each.mistake is None, each.mistake or 0))
    return Diagnosis(tuple(order), len(exhibit.image_ids), len(exhibit.study_ids), before, after,
                     cured if changed and findings else None)


def _insist(exhibit, dataset):
    known = {each for image in dataset.images for each in (image.image_id, image.study_id)}
    known |= set(dataset.truth.study_ids) if dataset.truth is not None else set()
    if not known & {*exhibit.image_ids, *exhibit.study_ids}:
        raise BadPredictions(f"none of the {len(exhibit.image_ids)} films and {len(exhibit.study_ids)} studies in "
                             f"{exhibit.path} is in {dataset.name}, but some must be: name predictions of this "
                             "data set.")


def answer(exhibit, fusion=None, scoring=None):
    """The `core.scoring.Answer` of the exhibit as it stands: a CSV's detections in the order of the file, candidates
    fused by the settings, the viewer's first ones by default."""
    if exhibit.is_csv:
        return as_answer(exhibit)
    return conclude_all(as_predictions(exhibit), fusion or FusionSettings(), scoring or ScoreSettings())


def _strange(exhibit, dataset):
    """Predictions of what the data set does not know, and its films that are lacking among the predictions."""
    images = {image.image_id: image for image in dataset.images}
    truth = dataset.truth
    labelled, studies = ((), ()) if truth is None else (truth.image_ids, truth.study_ids)
    known = {image.study_id for image in dataset.images} | set(studies)
    unknown = [each for each in exhibit.image_ids if each not in images or (
        labelled and Path(images[each].path or "").is_relative_to(Path(dataset.root) / "train"))]
    named = set(labelled)
    unknown = [each for each in unknown if each not in named]
    strange = [each for each in exhibit.study_ids if each not in known]
    for level, all_ids, ids in (("films", exhibit.image_ids, unknown), ("studies", exhibit.study_ids, strange)):
        if ids and len(ids) < FOREIGN * len(all_ids):
            yield fault(f"{level} without ground truth", f"{len(ids):,} of {len(all_ids):,} predicted {level}, such as "
                        f"{ids[0]}, have no label in {dataset.name}: nothing can score them.",
                        ids if level == "films" else (), "Leave them out, or add their labels.")
    yield from _lacking(exhibit, dataset, labelled)


def _lacking(exhibit, dataset, labelled):
    """Labelled films that are not predicted, though none of their study is while the study itself is, or though nearly
    all others are."""
    told = exhibit.manifest.get("errors")
    refused = {each.get("image") for each in told if isinstance(each, dict)} if isinstance(told, list) else set()
    study_of = {image.image_id: image.study_id for image in dataset.images}
    named, whole = set(exhibit.image_ids), set(labelled)
    seen = {study_of.get(each) for each in named}
    absent = [each for each in labelled if each not in named and each not in refused]
    bare = set(exhibit.study_ids) - seen
    lost = [each for each in absent if study_of[each] in bare]
    if not lost and len(absent) < NEARLY * len(whole):
        lost = absent
    if lost and len(lost) < len(named):
        yield fault("candidates missing", f"{len(lost):,} labelled films, such as {lost[0]}, are not predicted, though "
                    "their studies or nearly all other films are: their boxes count as missed.", lost, "Predict them.")
