"""Computed results as tables with bars, in HTML; every text from outside is escaped.

Colour never speaks alone: what is true and what is predicted bear letters, a change bears its sign. This module
is pictures alone: it computes nothing and knows nothing of Streamlit.
"""

from html import escape

import numpy as np
import pandas as pd

from core.evaluation import CLASSES
from core.failures import FLAGS
from core.kinds import KINDS
from core.labels import STUDY_CLASSES
from core.tables import told
from core.worklist import films_of_study

MARKDOWN = frozenset("\\`*_{}[]<>()#+-.!|~$:^=@&\"'")  # CommonMark may escape any ASCII punctuation
YOURS = "against the labels as you corrected them in Review"
SHORT = ("neg", "typ", "ind", "aty", "")  # of STUDY_CLASSES; the last stands for unknown, -1


def tag(name, content, **attributes):
    """An HTML element; `content` is HTML, the attributes' values are text."""
    given = "".join(f' {key.strip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items()
                    if value is not None)
    return f"<{name}{given}>{content}</{name}>"


def literal(text):
    """`text` for a label that Streamlit reads as Markdown, so that it shows as it is."""
    return "".join(f"\\{each}" if each in MARKDOWN else each for each in str(text))


def sentences(lines, kind="notes"):
    """A list of sentences, literally as they are."""
    return tag("ul", "".join(tag("li", escape(line)) for line in lines), class_=kind)


def problems(error):
    """A list of what a `core.errors.GroundglassError` says; of a table, its wrong rows one by one."""
    return sentences(told(error), "problems")


def heading(text, aside=""):
    """The title of a part of the page, and a quiet remark on its right."""
    return tag("div", tag("h2", escape(text)) + tag("span", escape(aside), class_="aside"), class_="heading")


def number(value, digits=3):
    """A probability or AP as text, a dash where it is unknown."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def probability_table(study, truth, p_opacity, p_none, has_box):
    """Four study probabilities [4], p(opacity) and p(none), each group with its truth.

    `truth` indexes `STUDY_CLASSES`, -1 unknown; `has_box` is None for an unlabelled film. NaN: not predicted.
    """
    groups = ((zip(STUDY_CLASSES, study, strict=True), STUDY_CLASSES[truth] if truth >= 0 else None),
              ({"opacity": p_opacity, "none": p_none}.items(),
               None if has_box is None else "opacity" if has_box else "none"))
    bodies = []
    for pairs, true_name in groups:
        pairs = dict(pairs)
        known = [name for name in pairs if pairs[name] == pairs[name]]
        most = max(known, key=pairs.get, default=None)
        rows = [_probability_row(name, value, true_name and name == true_name, name == most)
                for name, value in pairs.items()]
        bodies.append(tag("tbody", "".join(rows)))
    return tag("table", tag("caption", "Probabilities of the study classes and of any opacity, with the truth")
               + "".join(bodies), class_="bars probabilities")


def _probability_row(name, value, true, most):
    """`true` is None where the truth is unknown."""
    marks = [tag("abbr", "T", class_="truth", title="ground truth") if true else "",
             tag("abbr", "P", class_="most", title="most probable") if most else ""]
    return tag("tr", tag("th", name, scope="row") + tag("td", _bar(value, "true" if true else ""), class_="graph")
               + tag("td", number(value, 2), class_="number") + tag("td", "".join(marks), class_="marks"),
               class_="wrong" if most and true is False else None)


def _bar(value, kind=""):
    width = 0 if value is None or value != value else value
    return tag("div", tag("div", "", class_="fill", style=f"width:{width:.1%}"), class_=f"bar {kind}".strip())


def ap_table(summary, changes, baseline="against the default settings", corrected=None):
    """Six APs and their mean with their change; `summary` and `changes` map a class to a number or None, and so does
    `corrected`: the same against the labels as the reader corrected them."""
    rows = []
    for name in (*CLASSES, "mean"):
        change = changes[name]
        rows.append(tag("tr", tag("th", name, scope="row") + tag("td", _bar(summary[name]), class_="graph")
                        + tag("td", number(summary[name]), class_="number")
                        + (tag("td", number(corrected[name]), class_="yours") if corrected else "")
                        + tag("td", _change(change), class_="change " + _direction(change),
                                  title=baseline), class_=name))
    names = ("class", "", "AP", *(("yours",) if corrected else ()), "change")
    head = "".join(tag("th", text, scope="col", title=YOURS if text == "yours" else None) for text in names)
    said = f"Average precision of the six classes over the whole set, its change {baseline}"
    return tag("table", tag("caption", said)
               + tag("thead", tag("tr", head)) + tag("tbody", "".join(rows)), class_="bars aps")


def _direction(change):
    return "same" if not change or number(abs(change)) == number(0) else "up" if change > 0 else "down"


def _change(change):
    if change is None:
        return ""
    return {"same": "·", "up": f"+{number(change)}", "down": f"−{number(abs(change))}"}[_direction(change)]


def difference_table(found):
    """Differences of the first evaluation of a `core.bootstrap.Bootstrap` to the second, with 95 % intervals."""
    rows = []
    for name in (*CLASSES, "mean"):
        each = found.difference(0, 1, name)
        verdict = "more than chance" if each.told else "may be chance"
        rows.append((name, _signed(each.value), f"{_signed(each.low)} to {_signed(each.high)}", verdict))
    return plain_table(("class", "change", "95 % of draws", ""), rows, "Changes against draws of patients")


def _signed(value):
    return "–" if value != value else f"{'−' if value < 0 else '+'}{abs(value):.3f}"


def plain_table(head, rows, caption):
    """A table of text; the first column names the rows."""
    top = "".join(tag("th", escape(str(text)), scope="col") for text in head)
    body = "".join(tag("tr", tag("th", escape(str(row[0])), scope="row")
                       + "".join(tag("td", escape(str(cell))) for cell in row[1:])) for row in rows)
    return tag("table", tag("caption", escape(caption)) + tag("thead", tag("tr", top)) + tag("tbody", body),
               class_="plain")


def settings_words(fusion, score):
    """`FusionSettings` and `ScoreSettings` in a few words."""
    own = {"wbf": f" {fusion.conf_type}", "soft_nms": f" {fusion.decay}"}.get(fusion.method, "")
    return (f"{fusion.method}{own} {fusion.iou:g}, skip {fusion.skip:g}, n {score.exponent:g}, p(none) "
            f"{score.none_study:g}/{score.none_boxes:g}")


def shade(value, low, high):
    """CSS of a heat map's cell: from dark to the accent colour, with text that can be read on it."""
    if value != value:
        return ""
    share = (value - low) / (high - low) if high > low else 1.0
    return f"background-color: rgba(86, 180, 233, {share:.2f}); color: {'#06121b' if share > 0.55 else '#d7dce2'}"


def box_table(findings):
    """Every box on the film in words (`core.failures.Finding`s): the canvas for those who do not see it."""
    names = ("box", "verdict", "confidence", "IoU", "x", "y", "kind", "why")
    head = "".join(tag("th", text, scope="col") for text in names)
    rows = "".join(_box_row(each) for each in findings)
    if not findings:
        rows = tag("tr", tag("td", "No box here: neither a ground-truth box nor a detection that is shown.", colspan=8))
    return tag("table", tag("caption", "Boxes on this film; x and y in pixels of the original image")
               + tag("thead", tag("tr", head)) + tag("tbody", rows), class_="boxes")


def box_name(finding):
    """The name of a box in tables: 'truth 1' or 'detection 2'."""
    return f"{'truth' if finding.truth else 'detection'} {finding.row + 1}"


def _box_row(finding):
    x_min, y_min, x_max, y_max = finding.xyxy
    cells = (box_name(finding), finding.verdict or ("found" if finding.truth and finding.partner is not None else ""),
             number(finding.confidence, 2) if finding.confidence is not None else "",
             number(finding.iou, 2) if finding.iou is not None else "",
             f"{x_min:.0f} – {x_max:.0f}", f"{y_min:.0f} – {y_max:.0f}", finding.kind, finding.reason)
    return tag("tr", "".join(tag("td", escape(cell)) for cell in cells), class_=f"verdict {finding.verdict}".strip())


def member_table(members):
    """The candidates of a detection (`core.provenance.Member`s) in words."""
    rows = [(f"{each.source}{' (began it)' if each.leader else ''}", number(each.score), number(each.weighted),
             number(each.iou, 2), *(f"{low:.0f} – {high:.0f}" for low, high in zip(each.xyxy[:2], each.xyxy[2:],
                                                                                   strict=True))) for each in members]
    return plain_table(("candidate of", "score", "weighted", "IoU", "x", "y"), rows,
                       "The candidates that made this detection; x and y in pixels of the original image")


def gain_table(gains):
    """What mending each kind of failure would gain (`core.error_ap.KindGain`s), as bars."""
    most = max((abs(each.mean) for each in gains if each.mean is not None), default=0) or 1
    rows = []
    for each in gains:
        own = ", ".join(f"{name} {_signed(change)}" for name, change in each.aps.items()
                        if number(abs(change)) != number(0))
        bar = "" if each.mean is None else _bar(abs(each.mean) / most)
        rows.append(tag("tr", tag("th", escape(each.kind), scope="row") + tag("td", f"{each.count:,}", class_="number")
                        + tag("td", bar, class_="graph")
                        + tag("td", "–" if each.mean is None else _signed(each.mean), class_="number")
                        + tag("td", escape(own)) + tag("td", escape(each.meaning))))
    head = "".join(tag("th", text, scope="col") for text in ("kind", "count", "", "mAP", "AP of", "what it is"))
    return tag("table", tag("caption", "What mending each kind of failure alone would gain")
               + tag("thead", tag("tr", head)) + tag("tbody", "".join(rows)), class_="plain gains")


def confusion_table(pairs):
    """Studies labelled one class and called another (`core.error_ap.Confusion`s), the most costly first."""
    rows = [(each.labelled, each.called, f"{each.count:,}", _signed(each.mean)) for each in pairs]
    return plain_table(("labelled", "called", "studies", "mAP"), rows, "Study classes confused, and what the mean "
                                                                       "would gain if just these were right")


def worklist_frame(cases, failures, rows, facts):
    """The worklist as a data frame with a row for each of `rows`; text is literal, unknown numbers are missing.

    facts: `core.worklist.Facts`; costs are shown in thousandths.
    """
    def counts(values):
        return pd.Series(values[rows], dtype="Int32").where(values[rows] >= 0)

    def texts(values):
        return "" if values is None else [values[row] for row in rows]

    images, names = [cases.images[row] for row in rows], np.array(list(KINDS), object)
    return pd.DataFrame({
        "film": [image.image_id for image in images],
        "flag": [list(FLAGS)[code] for code in failures.flag[rows]],
        "truth": [SHORT[code] for code in failures.truth_class[rows]],
        "AI": [SHORT[code] for code in failures.predicted_class[rows]],
        "TP": counts(failures.tp), "FP": counts(failures.fp), "FN": counts(failures.fn),
        "opacity": failures.p_opacity[rows],
        "cost": float("nan") if facts.cost is None else 1000 * facts.cost[rows],
        "worst": failures.worst[rows],
        "trouble": failures.trouble[rows],
        "boxes": counts(failures.truth_boxes), "shown": counts(failures.shown),
        "review": texts(facts.review),
        "fold": texts(facts.fold),
        "films": films_of_study(cases)[rows],
        "kinds": [", ".join(names[each]) for each in failures.kinds[rows]],
        "study": [image.study_id for image in images],
    })


PROBABILITIES = ("p(class)", "p(opacity)", "best box")


def export_frame(told):
    """A data frame with a row for each `core.reported.Reported` of `told`; text is literal, unknown is missing."""
    study, best = np.array([each.study for each in told]), [each.scores.max(initial=0) for each in told]
    most = np.where(np.isnan(study).any(axis=1), -1, np.nan_to_num(study).argmax(axis=1))
    boxes = np.array([len(each.scores) for each in told])
    return pd.DataFrame({
        "film": [each.image_id for each in told], "study": [each.study_id for each in told],
        "AI": [SHORT[code] for code in most], "p(class)": study.max(axis=1),
        "p(opacity)": [1 - each.p_none for each in told],
        "boxes": boxes, "best box": np.where(boxes > 0, best, np.nan)})


def counted(films, bar):
    """`films`, each told on the progress bar before it is worked on."""
    for number, each in enumerate(films, start=1):
        bar.progress(number / len(films), f"Film {number:,} of {len(films):,}")
        yield each
