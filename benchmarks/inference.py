"""Films to predictions on the CPU, end to end: the product beside plain eager float32 torch, in one run.

Both decode the same films, see the same views and run the same weights. They take turns over parts of the films, so
that other programs on the machine slow both alike; what is prepared once (exported graphs) is told apart.
"""

import time
from pathlib import Path

import numpy as np
import torch

from core import efficientdet
from core.dataset import open_dataset
from core.errors import BadDataset
from core.fusion import FusionSettings
from core.inference import NamedModel, gather
from core.joining import joined
from core.levels import ScoreSettings
from core.models import Answers, network_input, open_model
from core.scoring import answer, score
from core.subset import images_of, read_ids
from core.views import first_views

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def add_options(parser):
    parser.add_argument("--data", type=Path, default=ASSETS / "sample", metavar="DIR", help="data set, the sample set "
                                                                                            "unless told")
    parser.add_argument("--ids", type=Path, metavar="FILE", help="take only the images in FILE")
    parser.add_argument("--films", type=int, default=48, help="films at most, 48 unless told")
    parser.add_argument("--views", type=int, default=2, help="views of each film, 2 unless told")
    parser.add_argument("--weights", type=Path, nargs="+", metavar="FILE", help="the bundled ones unless told")
    parser.add_argument("--parts", type=int, default=3, help="turns that the two take, 3 unless told")


class _Plain(Answers):
    """The same network without any of the product's measures: contiguous float32, eager."""

    def forward(self, pictures):
        seen = network_input(pictures, self.card, pictures.device).contiguous()
        if self.card.task == "detector":
            return efficientdet.decoded(*self.network(seen), self.anchors, self.card.image_size)
        return (self.network(seen).float(),)


def _plain(path):
    model = open_model(path, torch.device("cpu"), "torch")
    model.network.to(memory_format=torch.contiguous_format)
    model._answers = _Plain(model.network, model.card).eval()
    return model


def _films(options):
    dataset = open_dataset(options.data)
    wanted = set(images_of(dataset, read_ids(options.ids))) if options.ids else None
    images = [image for image in dataset.images if image.path and (wanted is None or image.image_id in wanted)]
    if not images:
        raise BadDataset(f"{options.data} holds none of the films wanted, but at least one is needed: name others.")
    return dataset, images[:options.films]


def run(options):
    """Seconds a film of both, their ratio, the largest difference of their answers, and the mAP of both."""
    dataset, images = _films(options)
    paths = options.weights or sorted((ASSETS / "weights").glob("*.safetensors"))
    views = first_views(options.views)
    started = time.perf_counter()
    ours = [NamedModel(path.stem, open_model(path, torch.device("cpu"), "auto")) for path in paths]
    prepared = time.perf_counter() - started
    sides = {"product": ours, "plain": [NamedModel(path.stem, _plain(path)) for path in paths]}
    seconds, found = dict.fromkeys(sides, 0.0), {name: [] for name in sides}
    for models in sides.values():
        gather(models, views, images[:2])
    for part in np.array_split(np.arange(len(images)), min(options.parts, len(images))):
        some = [images[row] for row in part]
        for name, models in sides.items():
            start = time.perf_counter()
            collector, _ = gather(models, views, some)
            seconds[name] += time.perf_counter() - start
            found[name].append(collector.predictions({image.image_id: image.study_id for image in some}, {}))
    return _figures(dataset, seconds, found, prepared, ours, len(images))


def _figures(dataset, seconds, found, prepared, models, films):
    told = {name: joined(parts) for name, parts in found.items()}
    aps = {name: _mean_ap(dataset, each) for name, each in told.items()}
    product, plain = told["product"], told["plain"]
    apart = [np.nanmax(np.abs(getattr(product, name) - getattr(plain, name)), initial=0)
             for name in ("opacity", "study")]
    return {"films": films, "runtime": ", ".join(sorted({each.model.runtime for each in models})),
            "seconds to open or export": prepared, "product, ms a film": 1e3 * seconds["product"] / films,
            "plain eager fp32, ms a film": 1e3 * seconds["plain"] / films,
            "times faster": seconds["plain"] / seconds["product"],
            "largest difference of a probability": float(max(apart)),
            "six-class mAP, product": aps["product"], "six-class mAP, plain": aps["plain"],
            "difference of the mAP": None if aps["plain"] is None else abs(aps["product"] - aps["plain"])}


def _mean_ap(dataset, predictions):
    if dataset.truth is None:
        return None
    return score(dataset.truth, answer(predictions, FusionSettings(), ScoreSettings())).evaluation.mean
