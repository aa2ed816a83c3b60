"""`python -m train phantom`: a set of synthetic films in the competition's layout, with labels known by construction.

A plan is drawn first (patients, studies, shots), then each shot is computed on its own from seeds, so that any film
can be made again alone. This module knows the layout and the class balance, not how a thorax looks.
"""

import csv
import hashlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from core.errors import BadSettings
from core.files import whole_file
from train.exposure import attenuation, detect, tone
from train.markings import burn_in, collimate
from train.opacities import draw_lesions
from train.phantom_dicom import FilmHeader, write_film
from train.projection import Frame
from train.thorax import draw_patient

CLASSES = ("negative", "typical", "indeterminate", "atypical")
STUDY_COLUMNS = ("Negative for Pneumonia", "Typical Appearance", "Indeterminate Appearance", "Atypical Appearance")
BALANCE = (.27, .44, .18, .11)
ASPECTS = ((1, 1), (1, 1.22), (1.15, 1), (1, 1.1), (1.2, 1), (1, 1.17), (1.05, 1))  # width, height of the short side
PLAIN = ("jpegls", "explicit", "jpegls", "rle", "jpeg", "deflated", "jpegls", "j2k")
COMPACT = ("j2k-lossy", "jpegls-near", "j2k-lossy")
LOSSLESS = {4: "jpeg", 13: "explicit", 22: "jpegls", 29: "rle", 36: "j2k"}  # by number of the film, if compact

NOTICE = """SYNTHETIC chest films
=====================

Every film in this folder was computed by `python -m train phantom --count {count} --seed {seed} --side {side}{compact}`
of the Groundglass repository: path lengths through a thorax made of simple solids, attenuated by the law of Beer and
Lambert, with scatter, noise and a tone curve. No film shows a human being and no pixel was taken from one. The word
SYNTHETIC stands in the pixels and in the header of every file. Boxes are the extent of the attenuation that was
added, in pixels of the film; one film of some pairs in a study is left without boxes on purpose, as in the
competition's own labels. Not for diagnosis.
"""


@dataclass(frozen=True)
class PhantomSettings:
    """count: films. seed: of everything. side: short side in px. compact: lossy syntaxes. jobs: processes."""

    count: int = 44
    seed: int = 7
    side: int = 1024
    compact: bool = False
    jobs: int = 1

    def __post_init__(self):
        for name, value, least in (("count", self.count, 1), ("seed", self.seed, 0), ("side", self.side, 128),
                                   ("jobs", self.jobs, 1)):
            if value < least:
                raise BadSettings(f"{name} is {value}, but must be at least {least}: give a larger number.")


@dataclass(frozen=True)
class Shot:
    """One film of the plan: who, which study, which class, and how it is written."""

    number: int
    patient: int
    study: int
    instance: int        # 1, or 2 for the repeated shot of a study
    appearance: str
    labelled: bool       # False: the boxes are left out of the CSV, as in some pairs of the competition
    study_id: str
    series_id: str
    image_id: str


def identifier(seed, kind, number):
    """Twelve hexadecimal digits for the `number`-th `kind` ('study', 'series', 'image') of the set `seed`."""
    return hashlib.sha256(f"groundglass phantom {seed} {kind} {number}".encode()).hexdigest()[:12]


def plan(settings):
    """The shots [count] of a set, in the order of their number."""
    rng = np.random.default_rng([settings.seed, 0])
    pairs = int(round(.09 * settings.count))
    studies = settings.count - pairs
    quota = np.floor(np.array(BALANCE) * studies).astype(int)
    quota[1] += studies - quota.sum()
    appearances = rng.permutation(np.repeat(CLASSES, quota))
    patients = np.arange(studies)
    again = rng.permutation(np.arange(1, studies))[:int(round(.14 * studies))]
    patients[again] = rng.integers(0, again)  # follow-up: the patient of an earlier study
    patients = np.unique(patients, return_inverse=True)[1]
    with_boxes = np.flatnonzero(appearances != "negative")
    doubled = rng.permutation(with_boxes if len(with_boxes) >= pairs else studies)[:pairs]
    shots = []
    for study in range(studies):
        hidden = int(rng.integers(0, 2)) if study in doubled[:(pairs + 1) // 2] else -1
        for instance in range(2 if study in doubled else 1):
            number = len(shots)
            shots.append(Shot(number, int(patients[study]), study, instance + 1, str(appearances[study]),
                              instance != hidden, *(identifier(settings.seed, kind, at) for kind, at in
                                                    (("study", study), ("series", number), ("image", number)))))
    return shots


def frame_for(patient, aspect, side, rng):
    """Where the film lies: the thorax fills four fifths of it, a little turned and off centre."""
    width, height = (int(round(side * share)) for share in aspect)
    reach = 2 * (patient.half_width + .5 * patient.flesh) * rng.uniform(1.12, 1.34)
    tall = (patient.lung_height + 4) * rng.uniform(1.12, 1.3)
    scale = min(width / reach, height / tall)
    loose = 1 if patient.erect else 2.2
    return Frame(width, height, scale, rng.normal(0, .35) * loose, patient.lung_height / 2 + 1 + rng.normal(0, .6),
                 rng.normal(0, .012) * loose, rng.normal(0, .025) * loose)


def make_film(shot, settings):
    """Grey [height,width] float32, boxes [N,4] float32 xyxy px, added attenuation, frame, patient of `shot`."""
    body = np.random.default_rng([settings.seed, 1, shot.patient])
    patient = draw_patient(body)
    body_seed = int(body.integers(2 ** 62))
    study = np.random.default_rng([settings.seed, 2, shot.study])
    lesions = draw_lesions(shot.appearance, patient, study)
    aspect = ASPECTS[int(study.integers(len(ASPECTS)))]
    study_seed, contrast, bordered = int(study.integers(2 ** 62)), study.uniform(.8, 1.25), study.random() < .35
    pose = np.random.default_rng([settings.seed, 2, shot.study, 1])
    frame = frame_for(patient, aspect, settings.side, pose)
    own = np.random.default_rng([settings.seed, 3, shot.number])
    if shot.instance > 1:  # the repeated shot: nearly the same stand
        frame = Frame(frame.width, frame.height, frame.pixels_per_cm * own.uniform(.97, 1.03),
                      frame.centre_x + own.normal(0, .4), frame.centre_y + own.normal(0, .4),
                      frame.tilt + own.normal(0, .008), frame.oblique)
    total, boxes, added, lung = attenuation(frame, patient, lesions, body_seed, study_seed)
    grey = tone(detect(total, frame, own, own.uniform(.6, 1.6)), frame, lung, contrast)
    if bordered:
        grey = collimate(grey, own, .93)
    return burn_in(grey, not patient.erect, own), boxes, added, frame, patient


def write_shot(shot, settings, folder):
    """Write the film of `shot` under `folder`/train; returns its boxes [N,4] float32."""
    grey, boxes, _, frame, patient = make_film(shot, settings)
    own = np.random.default_rng([settings.seed, 4, shot.number])
    cycle = COMPACT if settings.compact else PLAIN
    syntax = cycle[shot.number % len(cycle)]
    if settings.compact:
        syntax = LOSSLESS.get(shot.number % 44, syntax)
    inverted = own.random() < .27
    header = FilmHeader(
        shot.study_id, shot.series_id, shot.image_id, f"SYNTHETIC-{settings.seed}-{shot.patient + 1:04d}",
        photometric="MONOCHROME1" if inverted else "MONOCHROME2", syntax=syntax,
        modality="DX" if patient.erect and not inverted else "CR", view_position="PA" if patient.erect else "AP",
        sex="F" if patient.breast else "M", spacing=10 / frame.pixels_per_cm, instance=shot.instance,
        near=int(own.choice([6, 8, 10])), ratio=float(own.choice([14, 18, 24])))
    place = Path(folder) / "train" / shot.study_id / shot.series_id
    place.mkdir(parents=True, exist_ok=True)
    write_film(place / f"{shot.image_id}.dcm", grey, header)
    return boxes


def _number(value):
    return f"{value:.3f}"


def image_row(shot, boxes):
    """The row of train_image_level.csv for `shot` with `boxes` [N,4] xyxy."""
    if not len(boxes):
        return [f"{shot.image_id}_image", "", "none 1 0 0 1 1", shot.study_id]
    rounded = [[round(float(value), 3) for value in box] for box in boxes]
    cells = [{"x": x0, "y": y0, "width": round(x1 - x0, 3), "height": round(y1 - y0, 3)}
             for x0, y0, x1, y1 in rounded]
    label = " ".join("opacity 1 " + " ".join(map(_number, box)) for box in rounded)
    return [f"{shot.image_id}_image", str(cells), label, shot.study_id]


def write_tables(folder, shots, boxes):
    """Write both CSVs of the competition: rows by id; a shot that is not labelled has no boxes."""
    images = [image_row(shot, found if shot.labelled else ()) for shot, found in zip(shots, boxes, strict=True)]
    studies = {shot.study_id: [f"{shot.study_id}_study", *(int(shot.appearance == name) for name in CLASSES)]
               for shot in shots}
    for name, head, rows in (("train_image_level.csv", ("id", "boxes", "label", "StudyInstanceUID"), images),
                             ("train_study_level.csv", ("id", *STUDY_COLUMNS), list(studies.values()))):
        with whole_file(Path(folder) / name) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows(sorted(rows))


def write_set(settings, folder):
    """Write a whole set under `folder`: films, both CSVs and a notice. Returns the shots and their boxes."""
    folder = Path(folder)
    if (folder / "train").exists():
        raise BadSettings(f"{folder} holds a train folder already, but a set needs a place of its own: "
                          "choose another --out or remove it.")
    folder.mkdir(parents=True, exist_ok=True)
    shots = plan(settings)
    work = partial(write_shot, settings=settings, folder=folder)
    if settings.jobs == 1:
        boxes = [work(shot) for shot in tqdm(shots, desc="phantoms", unit="film")]
    else:
        with ProcessPoolExecutor(settings.jobs) as pool:
            boxes = list(tqdm(pool.map(work, shots), total=len(shots), desc="phantoms", unit="film"))
    write_tables(folder, shots, boxes)
    notice = NOTICE.format(count=settings.count, seed=settings.seed, side=settings.side,
                           compact=" --compact" if settings.compact else "")
    with whole_file(folder / "NOTICE.txt") as temporary:
        temporary.write_text(notice, encoding="utf-8")
    return shots, boxes


def add_arguments(parser):
    """Register the options of `python -m train phantom`."""
    defaults = PhantomSettings()
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the set is written")
    for name, text in (("count", "films"), ("seed", "of everything; another seed, another set"),
                       ("side", "short side of a film in pixels"), ("jobs", "processes")):
        default = getattr(defaults, name)
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{text} (default {default})")
    parser.add_argument("--compact", action="store_true", help="mostly lossy syntaxes, for a set under 15 MB")


def run(args):
    """Write the set that the parsed options ask for; returns the exit code."""
    settings = PhantomSettings(args.count, args.seed, args.side, args.compact, args.jobs)
    shots, boxes = write_set(settings, args.out)
    films = sum(1 for found in boxes if len(found))
    print(f"{len(shots)} films, {films} with opacities, {sum(map(len, boxes))} boxes: {args.out}")
    return 0
