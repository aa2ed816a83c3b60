"""The tabs of the Tune page that explain the settings of now: curves, calibration, patients, conventions."""

import streamlit as st

from core.curves import RATES, curve_records, operating_point, point_records, reliability_records
from core.stamp import stamp, stamped_csv, stamped_json
from viewer import analyses, charts, plots, resources

CHART = {"displayModeBar": False}


def _curves(opened, settings):
    curves, froc, _ = analyses.figures(opened, settings.fusion, settings.score)
    points = {name: operating_point(curve, settings.display) for name, curve in curves.items()}
    left, right = st.columns(2)
    with left:
        st.html(charts.heading("Precision and recall", f"diamonds: confidence of at least {settings.display:.2f}"))
        st.plotly_chart(plots.precision_recall(curves, points), config=CHART, key="pr")
        st.html(charts.plain_table(("class", "predictions", "precision", "recall"), [
            (name, f"{point.predictions:,}", charts.number(point.precision), charts.number(point.recall))
            for name, point in points.items()], "Operating points at the display confidence"))
        shown, evaluation = ({"display": settings.display},), resources.evaluation(opened, settings.fusion,
                                                                                  settings.score)
        export(opened, settings, lambda: curve_records(evaluation), "curves")
        export(opened, settings, lambda: point_records(evaluation, settings.display), "points", shown)
    with right:
        st.html(charts.heading("FROC of the detections", f"mean sensitivity {charts.number(froc.score)}"))
        st.plotly_chart(plots.froc(froc, froc.point(settings.display)), config=CHART, key="froc")
        st.html(charts.plain_table(("FP per film", *(f"{rate:g}" for rate in RATES)),
                                   [("sensitivity", *map(charts.number, froc.at_rates))],
                                   "Sensitivity at rates of false positives"))
        export(opened, settings, froc.records, "froc")


def _calibration(opened, settings):
    found = analyses.figures(opened, settings.fusion, settings.score)[2]
    st.html(charts.heading("Reliability", "how often it is so when the model says so; the dotted line is perfect"))
    left, right = st.columns(2)
    for place, names in ((left, ("opacity", "negative", "typical")), (right, ("indeterminate", "atypical", "none"))):
        with place:
            st.plotly_chart(plots.reliability({name: found[name] for name in names}), config=CHART, key=names[0])
    st.html(charts.sentences(["ECE is the mean gap between what is predicted and what is so, over all predictions. AP "
                              "depends on the order of predictions alone, so it may be high where this is poor."]))
    export(opened, settings, lambda: reliability_records(found), "reliability")


def _patients(opened, settings):
    table, parts = analyses.part_table(opened, settings.fusion, settings.score), analyses.patient_parts(opened)
    st.html(charts.heading("APs by patients", parts.how))
    rows = [(name, f"{films:,}", *map(charts.number, values))
            for name, films, values in zip(table.names, table.films, table.values, strict=True)]
    rows += [("mean", "", *map(charts.number, table.mean)), ("spread", "", *map(charts.number, table.spread))]
    st.html(charts.plain_table(("part", "films", *table.columns), rows, "The six APs in parts that share no patient"))
    st.html(charts.sentences(["Spread is the standard deviation over the parts; each part has few patients, so its "
                              "APs vary more than the whole set's."]))
    export(opened, settings, table.records, "patients")


def _conventions(opened, settings):
    readings = analyses.readings(opened, settings.fusion, settings.score)
    st.html(charts.heading("The same predictions by other conventions", "to explain a difference to another program"))
    rows = [(each.convention.name, charts.number(each.aps["opacity"], 4), charts.number(each.aps["none"], 4),
             charts.number(each.mean, 4), each.convention.meaning) for each in readings]
    st.html(charts.plain_table(("convention", "opacity", "none", "mean", "what it does"), rows,
                               "APs by convention; the first is the metric"))
    records = [{"convention": each.convention.name, **each.aps, "mean": each.mean} for each in readings]
    export(opened, settings, records, "conventions")


def export(opened, settings, records, name, more=()):
    """Buttons that save `records`, dictionaries or a function that gives them, as CSV and as JSON, with the settings,
    weights, data set and date."""
    given = stamp(resources.cases(opened)[0].predictions.manifest, resources.data_set(opened).name, settings.fusion,
                  settings.score, *more)
    rows = records if callable(records) else lambda: records
    with st.container(horizontal=True, key=f"export_{name}", gap="small"):
        for kind, written, mime in (("CSV", stamped_csv, "text/csv"), ("JSON", stamped_json, "application/json")):
            st.download_button(f"Save {name} as {kind}", lambda written=written: written(rows(), given),
                               f"{name}.{kind.lower()}", mime, icon=":material/download:", on_click="ignore",
                               key=f"save_{name}_{kind}", help="With settings, weights, data set and date.")


TABS = {"Curves": _curves, "Calibration": _calibration, "Patients": _patients, "Conventions": _conventions}
