"""The diary's systems that train nothing: exploration, fusion tables, the CV calculator, inference and submission.

Each takes an `Analysis`, prints its figures and leaves them in the run's folder, with the predictions they are of.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from core.dataset import open_dataset
from core.errors import BadSettings
from core.evaluation import average_precision
from core.exploration import explore
from core.files import whole_file
from core.fusion import FusionSettings, fuse
from core.inference import predict
from core.joining import joined
from core.levels import ScoreSettings, mean_over_sources, reweight
from core.matching import match
from core.predictions import read_predictions, write_predictions
from core.scoring import answer, score
from core.submission import write_submission
from core.weights import read_card
from train.data import HANDFUL, held_images
from train.settings import TrainSettings

IOUS = (0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75)
EXPONENTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Analysis:
    """What is analysed: the data set `data`, and predictions, or the `weights` that make them for the films of `fold`.

    `fold` is a number, "all" for each fold by the weights that held it out, or "unlabelled" for films without labels.
    `views` and `device` are those of the prediction; `smoke` takes a handful of films and thresholds. Results go to
    `folder`.
    """

    data: Path
    folder: Path
    fold: str = "0"
    weights: tuple[Path, ...] = ()
    predictions: Path | None = None
    views: int = 2
    device: str = "auto"
    smoke: bool = False


def explored(analysis):
    """001: what the data set is made of."""
    found = explore(open_dataset(analysis.data, progress=tqdm), progress=tqdm)
    _leave(analysis, found.as_dict(), found.lines())


def fusion_table(method):
    """002-ver39 and -ver41: opacity AP by IoU threshold (rows) and number of views (columns), fused by `method`."""
    def table(analysis):
        dataset, predictions = _predicted(analysis)
        truth = dataset.truth.subset(predictions.image_ids, predictions.study_ids)
        views = list(dict.fromkeys(source.view for source in predictions.candidates.sources))
        counts, ious = range(1, len(views) + 1), IOUS[::4] if analysis.smoke else IOUS
        aps = [[_opacity_ap(truth, predictions, method, iou, views[:count]) for count in counts] for iou in ious]
        lines = ["IoU  views" + "".join(f"{count:>9}" for count in counts)]
        lines += [f"{iou:.2f}      " + "".join(f"{ap:>9.5f}" for ap in row) for iou, row in zip(ious, aps, strict=True)]
        _leave(analysis, {"method": method, "iou": ious, "views": list(counts), "opacity": aps}, lines)
    return table


def _opacity_ap(truth, predictions, method, iou, views):
    sources = tuple(source.name for source in predictions.candidates.sources if source.view in views)
    fused = fuse(predictions.candidates, FusionSettings(method=method, iou=iou, conf_type="avg", sources=sources))
    matches = match(truth.boxes, truth.offsets, fused.boxes, fused.offsets, fused.scores)
    return average_precision(fused.scores, matches.true_positive, max(1, len(truth.boxes)))


def calculated(analysis):
    """005: AP of none from hard answers, from 1 - p(opacity) and blended; opacity AP by the exponent n."""
    dataset, predictions = _predicted(analysis)
    truth = dataset.truth.subset(predictions.image_ids, predictions.study_ids)
    p_opacity = mean_over_sources(predictions.opacity, predictions.opacity_sources)
    boxless = np.diff(truth.offsets) == 0
    told = answer(predictions, FusionSettings(), ScoreSettings())
    none = {"hard 0/1": p_opacity < 0.5, "1 - p(opacity)": 1 - p_opacity, "blended": told.p_none}
    none = {name: average_precision(np.asarray(each, np.float32), boxless, max(1, int(boxless.sum())))
            for name, each in none.items()}
    fused = fuse(predictions.candidates, FusionSettings())
    matches = match(truth.boxes, truth.offsets, fused.boxes, fused.offsets, fused.scores)
    opacity = {n: average_precision(reweight(fused, p_opacity, n), matches.true_positive, max(1, len(truth.boxes)))
               for n in EXPONENTS}
    _leave(analysis, {"none": none, "opacity": opacity}, [
        *(f"none, {name:16}{ap:.5f}" for name, ap in none.items()),
        *(f"opacity, n = {n:.1f}     {ap:.5f}" for n, ap in opacity.items())])


def submitted(*levels):
    """006 to 008: the CSV of the `levels` ("image", "study"), and its APs where there are labels."""
    def submission(analysis):
        dataset, predictions = _predicted(analysis)
        told = answer(predictions, FusionSettings(), ScoreSettings())
        ids = {"study": told.study_ids, "image": told.image_ids}
        wanted = tuple((level, each) for level in ("study", "image") if level in levels for each in ids[level])
        analysis.folder.mkdir(parents=True, exist_ok=True)
        remarks = write_submission(analysis.folder / "submission.csv", told, wanted)
        lines, aps = [f"{analysis.folder / 'submission.csv'}: {len(wanted)} rows", *remarks], {}
        if dataset.truth is not None and set(dataset.truth.image_ids) & set(told.image_ids):
            names = [name for level in levels for name in _NAMES[level]]
            aps = {name: ap for name, ap in score(dataset.truth, told).evaluation.summary().items() if name in names}
            lines += [f"{name:15}{'absent' if ap is None else f'{ap:.5f}':>8}" for name, ap in aps.items()]
        _leave(analysis, {"rows": len(wanted), "aps": aps}, lines)
    return submission


_NAMES = {"image": ("opacity", "none", "mean"), "study": ("negative", "typical", "indeterminate", "atypical", "mean")}
ANALYSES = {"001": explored, "002-ver39": fusion_table("wbf"), "002-ver41": fusion_table("nms"), "005": calculated,
            "006": submitted("image"), "007": submitted("study"), "008": submitted("image", "study")}


def _predicted(analysis):
    """The data set and the predictions to analyse, made and kept in the folder where none are named."""
    dataset = open_dataset(analysis.data, progress=tqdm)
    if analysis.predictions:
        return dataset, read_predictions(analysis.predictions)
    if analysis.fold == "all":
        parts = [_of_fold(analysis, dataset, str(number)) for number in range(TrainSettings.folds)]
        predictions = joined(parts)
    else:
        predictions = _of_fold(analysis, dataset, analysis.fold)
    write_predictions(analysis.folder / "predictions", predictions)
    return dataset, predictions


def _of_fold(analysis, dataset, fold):
    """Predictions for the films of `fold` by those weights that never saw its patients."""
    weights = [path for path in analysis.weights if fold == "unlabelled" or read_card(path).fold == fold]
    if not weights:
        raise BadSettings(f"none of {len(analysis.weights)} weights files held out fold {fold}, but its films must be "
                          "predicted by what never saw them: name weights of that fold, or another --fold.")
    if fold == "unlabelled":
        labelled = set(dataset.truth.image_ids if dataset.truth else ())
        ids = [image.image_id for image in dataset.images if image.image_id not in labelled]
    else:
        ids = held_images(analysis.data, int(fold), folds=TrainSettings.folds, seed=TrainSettings.fold_seed)
    ids = ids[:HANDFUL] if analysis.smoke else ids
    return predict(dataset, weights, views=analysis.views, device=analysis.device, image_ids=ids, progress=tqdm)


def _leave(analysis, result, lines):
    """Print `lines` and keep `result` as result.json."""
    analysis.folder.mkdir(parents=True, exist_ok=True)
    with whole_file(analysis.folder / "result.json") as temporary:
        told = {key: str(value) for key, value in vars(replace(analysis, weights=())).items()}
        temporary.write_text(json.dumps({**told, "weights": [path.name for path in analysis.weights], **result},
                                        indent=1, default=str), "utf8")
    for line in lines:
        print(line)
