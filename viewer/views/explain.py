"""The tabs of the Tune page that explain the settings of now: curves, calibration, patients, conventions."""

import streamlit as st

from core.curves import RATES, operating_point
from core.stamp import stamp, stamped_csv
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
    with right:
        st.html(charts.heading("FROC of the detections", f"mean sensitivity {charts.number(froc.score)}"))
        st.plotly_chart(plots.froc(froc, froc.point(settings.display)), config=CHART, key="froc")
        st.html(charts.plain_table(("false positives per film", *(f"{rate:g}" for rate in RATES)),
                                   [("sensitivity", *map(charts.number, froc.at_rates))],
                                   "Sensitivity at rates of false positives"))


def _calibration(opened, settings):
    found = analyses.figures(opened, settings.fusion, settings.score)[2]
    st.html(charts.heading("Reliability", "how often it is so when the model says so; the dotted line is perfect"))
    left, right = st.columns(2)
    for place, names in ((left, ("opacity", "negative", "typical")), (right, ("indeterminate", "atypical", "none"))):
        with place:
            st.plotly_chart(plots.reliability({name: found[name] for name in names}), config=CHART, key=names[0])
    st.html(charts.sentences(["ECE is the mean gap between what is predicted and what is so, over all predictions. AP "
                              "depends on the order of predictions alone, so it may be high where this is poor."]))


def _patients(opened, settings):
    table, parts = analyses.part_table(opened, settings.fusion, settings.score), analyses.patient_parts(opened)
    st.html(charts.heading("APs by patients", parts.how))
    rows = [(name, f"{films:,}", *map(charts.number, values))
            for name, films, values in zip(table.names, table.films, table.values, strict=True)]
    rows += [("mean", "", *map(charts.number, table.mean)), ("spread", "", *map(charts.number, table.spread))]
    st.html(charts.plain_table(("part", "films", *table.columns), rows, "The six APs in parts that share no patient"))
    st.html(charts.sentences(["Spread is the standard deviation over the parts; each part has few patients, so its "
                              "APs vary more than the whole set's."]))


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
    """A button that saves `records` as CSV, each row with its settings, weights, data set and date."""
    given = stamp(resources.cases(opened)[0].predictions.manifest, resources.data_set(opened).name, settings.fusion,
                  settings.score, *more)
    st.download_button("Save as CSV", lambda: stamped_csv(records, given), f"{name}.csv", "text/csv",
                       icon=":material/download:", on_click="ignore", key=f"save_{name}",
                       help="Every row carries settings, weights, data set and date.")


TABS = {"Curves": _curves, "Calibration": _calibration, "Patients": _patients, "Conventions": _conventions}
