"""Training the opacity classifier (2 classes) and the study classifier (4): rows, loss, APs on the held fold."""

import numpy as np
import torch

from core.weights import TASKS, ModelCard
from train.auxiliary import BoxPainter, mask_loss
from train.judging import class_aps, held_out_predictions
from train.pretrained import start_network


class ClassifierTask:
    """A timm classifier trained with softmax cross-entropy, for task "opacity" or "study"."""

    def __init__(self, settings):
        self.settings = settings
        self.card = ModelCard(task=settings.task, architecture=settings.architecture, channels=settings.channels,
                              image_size=(settings.size, settings.size), classes=TASKS[settings.task],
                              fold=settings.fold)
        self._targets = None

    def start(self):
        """The network with its first weights."""
        network = start_network(self.card, self.settings.pretrained)
        return BoxPainter(network, self.card.image_size, self.card.channels) if self.settings.mask_loss else network

    def bare(self, network):
        """The classifier alone, as it is judged and saved."""
        return network.classifier if self.settings.mask_loss else network

    def training_rows(self, films):
        """Rows int64 of `films` outside the held fold whose label is known and, for opacity, not doubtful."""
        outside = films.fold.astype(str) != self.settings.fold
        if self.settings.task == "opacity":
            self._targets = np.where(films.boxed, 0, 1)
            usable = ~(films.doubtful & self.settings.drop_doubtful)
        else:
            self._targets = films.study_class.astype(np.int64)
            usable = films.study_class >= 0
        return np.flatnonzero(outside & usable)

    def loss(self, outputs, boxes, rows):
        """Cross-entropy of the logits [B,C] for the labels of `rows`, plus the auxiliary loss when there is one."""
        logits, mask = outputs if self.settings.mask_loss else (outputs, None)
        target = torch.from_numpy(self._targets[rows]).to(logits.device)
        loss = torch.nn.functional.cross_entropy(logits.float(), target, label_smoothing=self.settings.label_smoothing)
        return loss if mask is None else loss + self.settings.mask_loss * mask_loss(mask, boxes, self.card.image_size)

    def judge(self, network, films):
        """AP of each class this task predicts, over the held fold ("none", or the four study classes and "study")."""
        return class_aps(self.card.task, films, held_out_predictions(self, network, films))
