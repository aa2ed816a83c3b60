"""Training classifiers of opacity (2 classes), of the study (4) or of both: rows, loss, APs on the held fold."""

import numpy as np
import torch

from core.weights import HEADS, TASKS, ModelCard
from train.auxiliary import Aided, mask_loss
from train.judging import class_aps, network_predictions
from train.pretrained import start_network
from train.teaching import Teacher, unlikeness

UNKNOWN = -1  # the target of a film without a label for a head


class ClassifierTask:
    """A timm classifier trained with softmax cross-entropy, for task "opacity", "study" or "joint"."""

    def __init__(self, settings):
        self.settings = settings
        self.card = ModelCard(task=settings.task, architecture=settings.architecture, channels=settings.channels,
                              image_size=(settings.size, settings.size), classes=TASKS[settings.task],
                              fold=settings.fold, paint=settings.paint)
        self._aided = bool(settings.mask_loss or settings.teacher_loss)
        self._teacher = Teacher(settings, self.card) if settings.teacher_loss else None
        self._targets = {}

    def start(self):
        """The network with its first weights."""
        network = start_network(self.card, self.settings)
        if not self._aided:
            return network
        return Aided(network, self.card.image_size, self.card.channels, paints=bool(self.settings.mask_loss))

    def bare(self, network):
        """The classifier alone, as it is judged and saved."""
        return network.classifier if self._aided else network

    def training_rows(self, films):
        """Rows int64 of `films` outside the held fold with a label for a head; a doubtful film has none for opacity."""
        clear = np.where(films.doubtful & self.settings.drop_doubtful, UNKNOWN, 1)
        targets = {"opacity": np.where(films.boxed, 0, clear), "study": films.study_class.astype(np.int64)}
        self._targets = {question: targets[question] for question in HEADS[self.card.task]}
        known = np.any([target != UNKNOWN for target in self._targets.values()], axis=0)
        return np.flatnonzero((films.fold.astype(str) != self.settings.fold) & known)

    def loss(self, outputs, boxes, rows):
        """Cross-entropy of the logits [B,C], summed over heads, plus the auxiliary loss when there is one."""
        logits, mask = (outputs.logits, outputs.mask) if self._aided else (outputs, None)
        loss = sum(self._cross_entropy(logits[:, part], target[rows])
                   for part, target in zip(HEADS[self.card.task].values(), self._targets.values(), strict=True))
        return loss if mask is None else loss + self.settings.mask_loss * mask_loss(mask, boxes, self.card.image_size)

    def guidance(self, outputs, batch, device):
        """How far `outputs` for `batch` are from the teacher's, weighed, a scalar; None without a teacher."""
        if self._teacher is None:
            return None
        theirs = self._teacher.features(batch.pictures, batch.targets, device)
        return self.settings.teacher_loss * unlikeness(outputs.features, theirs)

    def _cross_entropy(self, logits, target):
        """Mean over the rows whose target is known; 0 when there is none."""
        loss = torch.nn.functional.cross_entropy(
            logits.float(), torch.from_numpy(target).to(logits.device), ignore_index=UNKNOWN, reduction="sum",
            label_smoothing=self.settings.label_smoothing)
        return loss / max(1, int((target != UNKNOWN).sum()))

    def judge(self, network, films, rows):
        """AP of each class this task predicts, over `rows` ("none"; the four study classes and "study")."""
        return class_aps(HEADS[self.card.task], films, network_predictions(self.card, network, films, rows))
