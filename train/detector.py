"""Training an opacity detector: which films it sees, its loss, and its opacity AP on the held fold."""

import numpy as np

from core.efficientdet import DetectionLoss
from core.weights import TASKS, ModelCard
from train.judging import network_predictions, opacity_ap
from train.pretrained import start_network


class DetectorTask:
    """An EfficientDet that is trained on films with boxes, and on `negatives` boxless films for each of them."""

    def __init__(self, settings):
        self.settings = settings
        self.card = ModelCard(task="detector", architecture=settings.architecture, channels=settings.channels,
                              image_size=(settings.size, settings.size), classes=TASKS["detector"],
                              fold=settings.fold)
        self._loss = None

    def start(self):
        """The network with its first weights."""
        network = start_network(self.card, self.settings)
        self._loss = DetectionLoss(network)
        return network

    def bare(self, network):
        """The network as it is judged and saved."""
        return network

    def training_rows(self, films):
        """Rows int64 of `films` outside the held fold: boxed ones, then boxless ones drawn by the seed."""
        outside = films.fold.astype(str) != self.settings.fold
        boxed = np.flatnonzero(outside & films.boxed)
        clear = np.flatnonzero(outside & ~films.boxed & ~(films.doubtful & self.settings.drop_doubtful))
        wanted = min(len(clear), round(self.settings.negatives * len(boxed)))
        drawn = np.random.default_rng([self.settings.seed, 2]).choice(clear, wanted, replace=False)
        return np.concatenate([boxed, np.sort(drawn)])

    def loss(self, outputs, boxes, rows):
        """effdet's total loss of the raw `outputs` for `boxes`, a list of [N,4] xyxy in input pixels."""
        self._loss.to(boxes[0].device)
        return self._loss(*outputs, boxes)[0]

    def guidance(self, outputs, batch, device):
        """None: detectors have no teacher."""

    def judge(self, network, films, rows):
        """{"opacity": AP} over `rows` of `films`."""
        return {"opacity": opacity_ap(films, network_predictions(self.card, network, films, rows))}
