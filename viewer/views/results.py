"""What the models say of this film and study, and how well they do on the whole set."""


from core.changes import ap_changes
from viewer import charts, live, resources, reviewed, tuning

LEGEND = "T truth, P predicted"


def show(opened, settings, film_id):
    """The probabilities of the film `film_id` and the scores of the whole set; they follow the sliders."""
    cases, problem = resources.cases(opened)
    row, pinned = resources.row_of(opened).get(film_id), tuning.pinned(cases.predictions)
    told = reviewed.known(opened), reviewed.reader(), tuning.baseline()

    def both(moved):
        return (("" if row is None else _probabilities(opened, moved, row))
                + _scores(opened, moved, pinned, problem, *told))
    live.html("results", both, settings, cases.predictions)


def _probabilities(opened, settings, row):
    """The probabilities of the film at `row` and of its study, next to the truth, as HTML."""
    cases, answer = resources.cases(opened)[0], resources.answer(opened, settings.fusion, settings.score)
    study, p_none, boxes = cases.film_study[row], float(answer.p_none[row]), cases.boxes_of(row)
    return charts.heading("Study and film", LEGEND) + charts.probability_table(
        answer.study[study].tolist(), int(cases.study_class[study]), 1 - p_none, p_none,
        None if boxes is None else bool(len(boxes)))


def _scores(opened, settings, pinned, problem, known, reader, baseline):
    """The six APs and their mean with the change against the `pinned` settings, or why there are none, as HTML."""
    cases = resources.cases(opened)[0]
    evaluation = resources.evaluation(opened, settings.fusion, settings.score)
    scored = "" if evaluation is None else f"{cases.films:,} films · {cases.studies:,} studies"
    head = charts.heading("Whole set: AP", scored)
    if evaluation is None:
        return head + charts.sentences([_why_not(opened, cases, problem)])
    before = resources.evaluation(opened, pinned.fusion, pinned.score)
    yours = reviewed.beside(opened, settings.fusion, settings.score, known, reader)
    notes = [*cases.remarks, *evaluation.warnings]
    if yours:
        what = ", ".join(f"{count} × {what}" for what, count in yours.counts().items())
        notes.insert(0, f"Yours: labels as you corrected them ({what}).")
    return (head + charts.ap_table(evaluation.summary(), ap_changes(evaluation, before), baseline,
                                   yours and yours.corrected.summary())
            + (charts.sentences(notes) if notes else ""))


def _why_not(opened, cases, problem):
    if problem:
        return problem
    if opened.predictions is None:
        return ("No predictions were named, so there are films and ground truth alone: start with --predictions DIR, "
                "which python -m core predict writes.")
    if cases.labels is None:
        return "This data set has no labels, so there are no verdicts and no AP: films and detections are shown."
    return "No labelled film is among those predicted, so there are no verdicts and no AP."
