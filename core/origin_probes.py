"""The probes for where predictions come from: inference at another size or normalisation than training (12), and
weights that are not those the predictions name.

What the manifest says of each weights file is compared with the card in the file itself, which is found by its hash,
and the card with the settings it was trained by. This module knows nothing of what was predicted.
"""

from pathlib import Path

from core.errors import BadWeights
from core.findings import fault, mistake
from core.weights import read_card, sha256

BUNDLED = Path(__file__).resolve().parent.parent / "assets" / "weights"
WORDS = {"image_size": "input size", "mean": "mean", "std": "standard deviation", "channels": "channels"}


def probe_origins(exhibit, weights=()):
    """Findings on the manifest of an `core.exhibits.Exhibit`, a CSV has none; `weights` are paths of weights files or
    directories to look in, beside the bundled ones."""
    told = [each for each in exhibit.manifest.get("weights") or [] if isinstance(each, dict)]
    named = _files(weights)
    found = {sha256(path): path for path in [*named, *_files([BUNDLED])][::-1]}
    off = []
    for each in told:
        path = found.get(each.get("sha256"))
        if path is not None:
            off += _differences(each, path)
    if off:
        yield mistake(12, f"{'; '.join(off)}. A network answers worse at what it was not trained at.", (),
                      "Predict again with the size and normalisation of the weights' card.")
    yield from _strangers(told, found, named)
    yield from _sources(exhibit, told)


def _files(places):
    return [file for place in map(Path, places)
            for file in (sorted(place.glob("*.safetensors")) if place.is_dir() else [place])]


def _differences(told, path):
    """Sentences on what the manifest's row `told` and the file at `path` say differently."""
    try:
        card = read_card(path)
    except BadWeights as error:
        return [str(error).rstrip(".")]
    said = []
    for field, words in WORDS.items():
        own = getattr(card, field)
        own = list(own) if isinstance(own, tuple) else own
        if field in told and not _same(told[field], own):
            said.append(f"{told.get('file', path.name)} was run at {words} {told[field]}, but its weights say {own}")
    trained = card.training.get("size")
    if isinstance(trained, int) and list(card.image_size) != [trained, trained]:
        said.append(f"{path.name} says input size {list(card.image_size)}, but was trained at {trained}")
    return said


def _same(one, other):
    """Whether two settings are the same, where a single number stands for a list of it."""
    count = max([1, *(len(each) for each in (one, other) if isinstance(each, list))])
    one, other = (each if isinstance(each, list) else [each] * count for each in (one, other))
    try:
        return len(one) == len(other) and all(abs(float(a) - float(b)) < 1e-6 for a, b in zip(one, other, strict=True))
    except (TypeError, ValueError):
        return False


def _strangers(told, found, named):
    """Weights whose name is known but whose hash is not, and weights handed over that the manifest does not name."""
    by_name = {path.name: path for path in found.values()}
    wrong = [each for each in told if each.get("sha256") not in found and each.get("file") in by_name]
    if wrong:
        yield fault("weights that do not belong to these predictions", "; ".join(
            f"{each['file']} has the hash {str(each.get('sha256'))[:12]} in the manifest, but "
            f"{sha256(by_name[each['file']])[:12]} at {by_name[each['file']]}" for each in wrong) + ".", (),
            "Name the weights that were used with --weights, or predict again.")
    hashes, doubtful = {each.get("sha256") for each in told}, {each.get("file") for each in wrong}
    unused = [path for path in named if sha256(path) not in hashes and path.name not in doubtful]
    if unused and told:
        yield fault("weights that do not belong to these predictions", f"{', '.join(path.name for path in unused)} "
                    "made none of these predictions: the manifest names other hashes.", (), "Name the weights it "
                                                                                            "names.")


def _sources(exhibit, told):
    """Sources whose model or fold the manifest's weights do not name."""
    fold_of = {Path(str(each.get("file"))).stem: str(each.get("fold", "")) for each in told}
    sources = {source.name: source for group in (exhibit.sources, exhibit.opacity_sources, exhibit.study_sources)
               for source in group}
    strange = [source for source in sources.values() if source.model not in fold_of]
    if told and not exhibit.is_csv and strange and len(strange) < len(sources):
        yield fault("weights that do not belong to these predictions", f"The sources "
                    f"{', '.join(source.name for source in strange[:4])} are of no weights that the manifest "
                    "names.", ())
    other = [source for source in sources.values() if fold_of.get(source.model, source.fold) != source.fold]
    if other:
        yield fault("weights that do not belong to these predictions", "; ".join(
            f"{source.name} says fold {source.fold or 'none'}, but its weights never saw fold "
            f"{fold_of[source.model] or 'none'}" for source in other[:4]) + ".", ())
