"""The prediction store: candidates from before NMS and plain probabilities, per film or study and source.

It knows nothing of fusion or ground truth.
"""

from dataclasses import dataclass, field

import numpy as np

from core.errors import BadPredictions

_ANEW = "predict anew, or mend the program that wrote them."


@dataclass(frozen=True)
class Source:
    """Who answered: a model, the patient fold it never saw ("" when it saw all), and the view it was
    shown."""

    model: str
    fold: str
    view: str

    def __post_init__(self):
        for name in ("model", "fold", "view"):
            part = getattr(self, name)
            if not isinstance(part, str) or "/" in part or (not part and name != "fold"):
                raise BadPredictions(f"the {name} of a source is {part!r}, but must be text without '/': "
                                     "rename it.")

    @property
    def name(self):
        """`model/fold/view`, unique among the sources of one answer."""
        return f"{self.model}/{self.fold}/{self.view}"


@dataclass(frozen=True, eq=False)
class Candidates:
    """Detections of F films before NMS, flat: those of film f are rows `offsets[f]:offsets[f + 1]`.

    `boxes` float32 [N,4] xyxy in pixels of the original image, `scores` float32 [N] in 0..1, `source` int16
    [N] into `sources`, `offsets` int64 [F+1]. Within a film by source, then by score descending. All arrays
    are read-only. Raises `BadPredictions` for NaN, infinity, a reversed box or a score outside 0..1.
    """

    boxes: np.ndarray
    scores: np.ndarray
    source: np.ndarray
    offsets: np.ndarray
    sources: tuple[Source, ...]

    def __post_init__(self):
        count = len(self.boxes)
        _keep(self, boxes=(np.float32, (count, 4)), scores=(np.float32, (count,)),
              source=(np.int16, (count,)), offsets=(np.int64, (len(self.offsets),)))
        _distinct([source.name for source in self.sources], "source")
        _all_rows(np.isfinite(self.boxes).all(axis=1), self.boxes, "candidate box", "finite")
        _all_rows((self.boxes[:, 2:] >= self.boxes[:, :2]).all(axis=1), self.boxes, "candidate box",
                  "corners with x_max >= x_min and y_max >= y_min")
        _all_rows((self.scores >= 0) & (self.scores <= 1), self.scores, "candidate score", "in 0..1")
        _all_rows((self.source >= 0) & (self.source < len(self.sources)), self.source, "candidate source",
                  f"a row of the {len(self.sources)} sources")
        climbs = len(self.offsets) and (np.diff(self.offsets) >= 0).all()
        if not climbs or self.offsets[0] != 0 or self.offsets[-1] != count:
            raise BadPredictions(f"offsets do not climb from 0 to the {count} candidates, but must: {_ANEW}")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What was predicted for F films and S studies, ids as text without suffixes.

    `candidates` is aligned with `image_ids`. `opacity` float32 [F,A] is p(opacity) per film and opacity
    source, and `study` float32 [S,B,4] the probabilities per study, study source and class of
    `STUDY_CLASSES`; NaN where the source says nothing. `manifest` is the JSON object stored beside them: data
    set, weights, versions, settings, errors ([{"image", "error"}]). Raises `BadPredictions`.
    """

    image_ids: tuple[str, ...]
    study_ids: tuple[str, ...]
    candidates: Candidates
    opacity: np.ndarray
    opacity_sources: tuple[Source, ...]
    study: np.ndarray
    study_sources: tuple[Source, ...]
    manifest: dict = field(default_factory=dict)

    def __post_init__(self):
        films, studies = len(self.image_ids), len(self.study_ids)
        _keep(self, opacity=(np.float32, (films, len(self.opacity_sources))),
              study=(np.float32, (studies, len(self.study_sources), 4)))
        for values, level in ((self.image_ids, "image id"), (self.study_ids, "study id"),
                              ([source.name for source in self.opacity_sources], "opacity source"),
                              ([source.name for source in self.study_sources], "study source")):
            _distinct(values, level)
        if len(self.candidates.offsets) != films + 1:
            raise BadPredictions(f"candidates are for {len(self.candidates.offsets) - 1} films, but there "
                                 f"are {films} image ids: {_ANEW}")
        for values, name in ((self.opacity, "opacity probability"), (self.study, "study probability")):
            values = values.reshape(-1)
            _all_rows(np.isnan(values) | ((values >= 0) & (values <= 1)), values, name, "in 0..1")


def _keep(owner, **shapes):
    """Replace the arrays of the frozen `owner` by read-only views with the dtype and shape named for each."""
    for name, (dtype, shape) in shapes.items():
        array = np.asarray(getattr(owner, name), dtype).view()
        if array.shape != shape:
            raise BadPredictions(f"{name} has shape {array.shape}, but must be {shape}: {_ANEW}")
        array.flags.writeable = False
        object.__setattr__(owner, name, array)


def _all_rows(good, values, name, rule):
    if not good.all():
        row = int(np.argmin(good))
        raise BadPredictions(f"{name} {row} is {values[row].tolist()}, but must be {rule}: {_ANEW}")


def _distinct(values, name):
    if len(set(values)) < len(values):
        seen = set()
        twice = next(each for each in values if each in seen or seen.add(each))
        raise BadPredictions(f"{name} {twice!r} occurs twice, but must occur once: {_ANEW}")
