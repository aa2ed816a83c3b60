"""The settings of a training run, each with its unit, and nothing else."""

from dataclasses import dataclass

from core.errors import BadSettings
from core.weights import TASKS
from train.augmentation import strength

LEARNING_RATES = {"detector": 1e-3, "opacity": 6e-4, "study": 6e-4, "joint": 6e-4}
PRECISIONS = ("bf16", "fp32")


@dataclass(frozen=True)
class TrainSettings:
    """What decides the result of a run, together with the films and the code.

    `size` is the side of the square network input in pixels. `lr` is the peak learning rate of AdamW, reached after
    `warmup` (fraction of all steps) and then lowered along a cosine to `lr_floor` (fraction of the peak).
    `fold` of `folds` is held out ("all" holds nothing out); which patients that are is drawn by `fold_seed` alone, so
    that runs of other seeds hold out the same. `ema` is the decay per step of the moving average whose
    weights are judged and kept. `pretrained` is "imagenet", "none" or the path of a weights file whose fitting
    tensors are taken. `negatives` is the number of boxless films per boxed film in detector training.
    `drop_doubtful` leaves out boxless films that lie in a study beside a boxed one. `mask_loss` weighs a classifier's
    auxiliary task, to paint the boxes from an inner feature map (0: none). `mixup` is the alpha of the Beta
    distribution that neighbouring films of a batch are mixed by (Zhang et al. 2018), `sam` the radius of
    sharpness-aware minimisation (Foret et al. 2021); 0 is without. `balance_patients` lets an epoch draw every patient
    equally often. `paint` lays the true boxes over every film, white at this opacity: the run is a teacher, of no use
    without boxes. `teacher` is such a run (or "none"), whose inner feature maps `teacher_loss` draws ours to. `pseudo`
    names predictions of unlabelled films (or "none"): those told with `pseudo_confidence` at least are trained on as
    well. `freeze` is how many epochs at the start (fractions too) train only what follows the backbone.
    `precision` is "bf16" (autocast) or "fp32".
    """

    task: str
    architecture: str
    size: int = 256
    channels: int = 1
    batch: int = 16
    epochs: int = 4
    lr: float = 1e-3
    lr_floor: float = 0.02
    warmup: float = 0.05
    weight_decay: float = 1e-2
    seed: int = 0
    fold: str = "0"
    folds: int = 5
    fold_seed: int = 0
    ema: float = 0.998
    augment: str = "medium"
    label_smoothing: float = 0.05
    negatives: float = 0.0
    drop_doubtful: bool = True
    pretrained: str = "imagenet"
    mask_loss: float = 0.0
    mixup: float = 0.0
    sam: float = 0.0
    balance_patients: bool = False
    freeze: float = 0.0
    paint: float = 0.0
    teacher: str = "none"
    teacher_loss: float = 0.0
    pseudo: str = "none"
    pseudo_confidence: float = 0.7
    precision: str = "bf16"

    def __post_init__(self):
        if self.task not in TASKS:
            raise BadSettings(f"task is {self.task!r}, but must be one of {', '.join(TASKS)}: choose one.")
        if self.fold != "all" and not (self.fold.isdigit() and int(self.fold) < self.folds):
            raise BadSettings(f"fold is {self.fold!r}, but must be 0 to {self.folds - 1} or all: choose one.")
        rules = {"size": self.size >= 32, "batch": self.batch >= 1, "epochs": self.epochs >= 1, "lr": self.lr > 0,
                 "lr_floor": 0 <= self.lr_floor <= 1, "warmup": 0 <= self.warmup < 1,
                 "weight_decay": self.weight_decay >= 0, "ema": 0 <= self.ema < 1,
                 "label_smoothing": 0 <= self.label_smoothing < 1, "negatives": self.negatives >= 0,
                 "mask_loss": self.mask_loss >= 0, "mixup": self.mixup >= 0, "sam": self.sam >= 0,
                 "freeze": 0 <= self.freeze <= self.epochs, "paint": 0 <= self.paint <= 1,
                 "teacher_loss": self.teacher_loss >= 0,
                 "pseudo_confidence": 0.5 <= self.pseudo_confidence < 1}
        for name, holds in rules.items():
            if not holds:
                raise BadSettings(f"{name} is {getattr(self, name)}, which is out of its range: see "
                                  "`python -m train --help`.")
        if self.precision not in PRECISIONS:
            raise BadSettings(f"precision is {self.precision!r}, but must be one of {', '.join(PRECISIONS)}: choose "
                              "one.")
        if self.task == "detector" and 0 < self.mixup < 1:
            raise BadSettings(f"mixup is {self.mixup}, but a detector keeps the boxes of both films and must see both, "
                              "which takes 1 or more: choose 8.")
        self._check_steps()
        strength(self.augment)

    def _check_steps(self):
        """The settings of the three steps (teacher, student, fine-tuning) fit together."""
        if (self.teacher != "none") != (self.teacher_loss > 0):
            raise BadSettings(f"teacher is {self.teacher!r} and teacher_loss {self.teacher_loss}, but a student needs "
                              "both, and others neither: give both or leave both away.")
        if self.task == "detector" and (self.paint or self.teacher_loss):
            raise BadSettings("paint and teacher are for classifiers, but the task is detector, which must find the "
                              "boxes by itself: leave them away.")
