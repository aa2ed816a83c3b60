"""How far a film lies from those that a network was trained on, by the mean activations of two of its inner layers.

The distance is Mahalanobis' under a covariance of K main axes and one variance for all others (probabilistic PCA:
Tipping & Bishop 1999, J. R. Stat. Soc. B 61). Early layers tell much more here than the last: those were trained to
forget what is not opacity. Only means, axes and variances are kept; no film and no label can be read from them.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import BadWeights
from core.files import whole_file

BLOCKS = (2, 4)  # of the backbone, whose outputs are averaged over the picture
AXES = 96
PERCENTILE = 99.0  # of the held films that are in no doubt
BUNDLED = Path(__file__).resolve().parent.parent / "assets" / "familiarity.npz"
_ARRAYS = ("mean", "scale", "axes", "variances", "rest", "threshold")


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Statistics of D features: `mean`, `scale` [D], `axes` [D,K] and `variances` [K] of the scaled ones, `rest`.

    `threshold` is the distance that `PERCENTILE` % of films of patients the network never saw stay below.
    """

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    rest: float
    threshold: float

    def distances(self, features):
        """Squared distances float64 [N] of `features` [N,D]."""
        scaled = (np.asarray(features, np.float64) - self.mean) / self.scale
        along = scaled @ self.axes
        across = np.maximum((scaled ** 2).sum(1) - (along ** 2).sum(1), 0)
        return (along ** 2 / self.variances).sum(1) + across / self.rest

    def doubt(self, distance):
        """The sentence about a film at this distance; "" when it is in no doubt."""
        if distance <= self.threshold:
            return ""
        return (f"The picture is unlike the frontal chest films that the models know: its distance is {distance:,.0f}, "
                f"but {PERCENTILE:g} % of such films stay below {self.threshold:,.0f}.")


def fitted(features, held):
    """The `Familiarity` of `features` [N,D] of films trained on, with the threshold of the `held` ones [M,D].

    Of few films most axes have no variance, or one that rounding made negative: none counts as less than `rest`.
    Raises `BadWeights` for less than two films to fit or none that is held.
    """
    if len(features) < 2 or not len(held):
        raise BadWeights(f"{len(features)} films to fit and {len(held)} held ones give no statistics, but two and one "
                         "are needed: take more films that can be read.")
    mean, scale = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64) + 1e-6
    variances, axes = np.linalg.eigh(np.cov(((features - mean) / scale).T))
    variances, axes = variances[::-1], axes[:, ::-1]
    rest = max(float(variances[AXES:].mean()), 1e-3) if len(variances) > AXES else 1e-3
    found = Familiarity(mean, scale, axes[:, :AXES], np.maximum(variances[:AXES], rest), rest, 0.0)
    threshold = float(np.percentile(found.distances(held), PERCENTILE))
    return Familiarity(found.mean, found.scale, found.axes, found.variances, found.rest, threshold)


def save_familiarity(path, found):
    """Write a `Familiarity` to `path`, as float32."""
    content = io.BytesIO()
    np.savez_compressed(content, **{name: np.asarray(getattr(found, name), np.float32) for name in _ARRAYS})
    with whole_file(path, BadWeights) as temporary:
        temporary.write_bytes(content.getvalue())


def read_familiarity(path=BUNDLED):
    """The `Familiarity` in the file `path`. Raises `BadWeights`."""
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as content:
            arrays = {name: content[name].astype(np.float64) for name in _ARRAYS}
        sizes = len(arrays["mean"]), len(arrays["variances"])
        if arrays["axes"].shape != sizes or not all(np.isfinite(each).all() for each in arrays.values()):
            raise ValueError("its arrays do not fit together")
        if not all((arrays[name] > 0).all() for name in ("scale", "variances", "rest")):
            raise ValueError("it divides by nothing")
        return Familiarity(**{**arrays, "rest": float(arrays["rest"]), "threshold": float(arrays["threshold"])})
    except Exception as failure:  # numpy and zipfile raise what they like on damaged files
        raise BadWeights(f"{Path(path).name} cannot be read ({' '.join(str(failure).split())[:120]}), but "
                         "statistics of familiar films are needed: make it with python -m train familiarity.") from None
