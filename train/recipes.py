"""The systems of the experiment diary as recipes: what each trains or reckons, from which settings, and its figures.

Variants of a system are settings: any of `TrainSettings` given on the command line takes the place of the recipe's.
"""

from dataclasses import dataclass, field

from core.errors import BadSettings

SMOKE = {"size": 64, "epochs": 1, "batch": 2, "pretrained": "none", "precision": "fp32"}  # bf16 takes twice as long
SMOKE_DETECTOR = {**SMOKE, "size": 128}


@dataclass(frozen=True)
class Recipe:
    """One row of the diary's table.

    `settings` are those of the training; a recipe without a task in them trains nothing (`train.analyses`). `steps` are
    the recipes of a chain: each after the first is given the run before it by the setting in `takes`. `variants` names
    what the diary varied, `figures` what it measured.
    """

    name: str
    system: str
    variants: str = ""
    figures: str = ""
    settings: dict = field(default_factory=dict)
    takes: str = ""
    steps: tuple[str, ...] = ()


_D = "tf_efficientdet_d0 .. d7, lite0 .. lite2"
_TEACHER = {"paint": 0.3, "batch": 32, "epochs": 10, "lr": 3e-4}
_STUDENT = {"teacher_loss": 1.0, "batch": 32, "epochs": 20, "lr": 3e-4}
_TUNED = {"batch": 32, "epochs": 5, "lr": 3e-5}


def _classifier(task, architecture, **settings):
    return {"task": task, "architecture": architecture, "size": 512, "batch": 32, "epochs": 20, "lr": 3e-4, **settings}


RECIPES = {recipe.name: recipe for recipe in (
    Recipe("001", "data exploration", "", "6,054 studies, 6,334 images"),
    Recipe("002", "EfficientDet opacity detector", f"architecture {_D}; size 256/384/512; lr 1e-4 .. 3e-4; epochs "
           "10/30; augment light/medium/strong", "loss D0 8.69, D3 1.38, D7 .90; D3 at 256/384/512 1.38/1.13/1.00",
           {"task": "detector", "architecture": "tf_efficientdet_d0", "size": 512, "epochs": 10, "lr": 3e-4}),
    Recipe("002-ver39", "WBF over IoU thresholds and views", "views", "best opacity AP .2799 (IoU .65, 7 views)"),
    Recipe("002-ver41", "NMS over IoU thresholds and views", "views", "best opacity AP .2646 (IoU .55, 2 views)"),
    Recipe("002-ver45", "detector whose backbone starts from a classifier run", f"architecture {_D}",
           "opacity AP .2712", {"task": "detector", "architecture": "tf_efficientdet_d3", "size": 512, "epochs": 10,
                                "lr": 3e-4}, "pretrained"),
    Recipe("003", "classifier of opacity and none", "architecture tf_efficientnet_b0/b3/b4/b5, tf_efficientnetv2_s; "
           "size 256/384/512; weight_decay 1e-6 .. 10; augment; epochs", "AUC .870 (B0) .881 (V2-S) .891 (B3); none "
           "AP .7240", _classifier("opacity", "tf_efficientnet_b3")),
    Recipe("004", "classifier of four study classes", "architecture tf_efficientnet_b3 .. b6; size 256/384/512; "
           "pretrained FILE", "study mean AP .5224 (B3) .5253 (B4) .5470 (B5) .5395 (B6)",
           _classifier("study", "tf_efficientnet_b5")),
    Recipe("005", "CV calculator: none confidence and the exponent n", "", "none hard .4303, probability .7153; n .3 "
           "best: .26194"),
    Recipe("006", "image-level inference and submission", "views", "image part of the board .180 -> .205"),
    Recipe("007", "study-level inference and submission", "views", "study part of the board .365 -> .378"),
    Recipe("008", "both levels, one submission", "views", "opacity .2769, none .7421, study .7741/.8423/.3046/.3044"),
    Recipe("009", "2-class teacher: boxes painted on the film", "paint", "",
           _classifier("opacity", "tf_efficientnet_b3", **_TEACHER)),
    Recipe("010", "2-class student: drawn to the teacher's feature maps", "teacher_loss, mask_loss", "none AP .7301; "
           "five folds .7301 .7261 .7540 .7618 .7637", _classifier("opacity", "tf_efficientnet_b3", **_STUDENT),
           "teacher"),
    Recipe("011", "2-class fine-tuning at a lower rate", "lr", "none AP .7421",
           _classifier("opacity", "tf_efficientnet_b3", **_TUNED), "pretrained"),
    Recipe("009-011", "the three steps in a chain, 2 classes", steps=("009", "010", "011")),
    Recipe("012", "4-class teacher: boxes painted on the film", "paint", "study mean AP .7794",
           _classifier("study", "tf_efficientnet_b3", **_TEACHER)),
    Recipe("013", "4-class student: drawn to the teacher's feature maps", "teacher_loss, mask_loss",
           "study mean AP .5568",
           _classifier("study", "tf_efficientnet_b3", **_STUDENT), "teacher"),
    Recipe("014", "4-class fine-tuning at a lower rate", "lr", "study mean AP .5564",
           _classifier("study", "tf_efficientnet_b3", **_TUNED), "pretrained"),
    Recipe("012-014", "the three steps in a chain, 4 classes", steps=("012", "013", "014")),
    Recipe("lite-joint", "one lite network for opacity and study, painting boxes beside", "size; mask_loss; mixup; sam",
           "see train/RESULTS.md", {"task": "joint", "architecture": "tf_efficientnet_lite1", "size": 256, "batch": 32,
                                    "epochs": 5, "lr": 6e-4, "mask_loss": 0.5}),
    Recipe("lite-detector", "a lite detector whose backbone starts from lite-joint", "size", "see train/RESULTS.md",
           {"task": "detector", "architecture": "tf_efficientdet_lite1", "size": 320, "epochs": 7, "lr": 1e-3},
           "pretrained"),
)}


def named(name):
    """The `Recipe` called `name`. Raises `BadSettings`."""
    if name not in RECIPES:
        raise BadSettings(f"recipe is {name!r}, but must be one of {', '.join(RECIPES)}: `python -m train recipes` "
                          "lists them.")
    return RECIPES[name]


def listing():
    """The recipes as lines of text."""
    for recipe in RECIPES.values():
        yield f"{recipe.name:14}{recipe.system}"
        told = ", ".join(f"{name} {value}" for name, value in recipe.settings.items())
        needs = f"--{recipe.takes} RUN" if recipe.takes else ""
        for label, text in (("chain of", " -> ".join(recipe.steps)), ("needs", needs), ("settings", told),
                            ("vary", recipe.variants), ("diary", recipe.figures)):
            if text:
                yield f"{'':14}{label}: {text}"


def settings_of(recipe, given, fold, *, smoke=False):
    """The settings of `recipe` as a dict for `TrainSettings`, with what was `given` in place of its own.

    Raises `BadSettings` when a run that it goes on from is missing; a smoke run may begin from nothing.
    """
    chosen = {**recipe.settings, **(_smoke(recipe) if smoke else {}), "fold": fold, **given}
    if recipe.takes and recipe.takes not in given:
        if not smoke:
            raise BadSettings(f"recipe {recipe.name} goes on from another run, but --{recipe.takes} names none: name a "
                              "run's folder.")
        chosen.pop("teacher_loss", None)
    return chosen


def _smoke(recipe):
    return SMOKE_DETECTOR if recipe.settings.get("task") == "detector" else SMOKE
