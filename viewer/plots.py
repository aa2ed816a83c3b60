"""Computed curves as figures, on the dark ground of the pages; colours never speak alone, every line has its name.

This module is pictures alone: it computes nothing and knows nothing of Streamlit.
"""

from html import escape

import plotly.graph_objects as go

from core.zones import CELLS, LOWER, MIDLINE, UPPER, ZONES, spread

COLOURS = {"opacity": "#56b4e9", "none": "#e69f00", "negative": "#009e73", "typical": "#cc79a7",
           "indeterminate": "#f0e442", "atypical": "#d55e00"}
DASHES = dict(zip(COLOURS, ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot"), strict=True))
POINTS = 400  # of a curve that are drawn, evenly spread
MANY = 12  # bars beside each other from which numbers do not fit above them


def _figure(x, y, *, x_range=(0, 1), y_range=(0, 1)):
    axis = {"gridcolor": "#232a32", "zerolinecolor": "#232a32"}
    return go.Figure(layout={
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font": {"color": "#d7dce2", "size": 12},
        "margin": {"l": 46, "r": 8, "t": 8, "b": 40}, "height": 330,
        "xaxis": {"title": x, "range": list(x_range), **axis}, "yaxis": {"title": y, "range": list(y_range), **axis},
        "legend": {"orientation": "h", "y": -0.22}})


def _line(figure, name, x, y, **more):
    step = max(1, len(x) // POINTS)
    figure.add_scatter(x=x[::step], y=y[::step], name=name, mode="lines",
                       line={"color": COLOURS.get(name, "#d7dce2"), "dash": DASHES.get(name, "solid"), "width": 1.8},
                       **more)


def _point(figure, name, x, y, text):
    figure.add_scatter(x=[x], y=[y], mode="markers", showlegend=False, hovertext=text, hoverinfo="text",
                       marker={"size": 10, "symbol": "diamond", "color": COLOURS.get(name, "#d7dce2"),
                               "line": {"width": 1, "color": "#ffffff"}})


def precision_recall(curves, points):
    """Class -> `core.evaluation.Curve` and class -> `core.curves.OperatingPoint`, the diamonds."""
    figure = _figure("recall", "precision")
    for name, curve in curves.items():
        if len(curve.recall) and curve.recall[0] == curve.recall[0]:
            _line(figure, name, curve.recall, curve.precision)
            point = points[name]
            _point(figure, name, point.recall, point.precision,
                   f"{name} at {point.confidence:.2f}: precision {point.precision:.2f}, recall {point.recall:.2f}")
    return figure


def froc(found, point):
    """A `core.curves.Froc`, and (false positives per film, sensitivity) at the display confidence."""
    figure = _figure("false positives per film", "sensitivity", x_range=(0, 8))
    _line(figure, "opacity", found.false_positives, found.sensitivity)
    _point(figure, "opacity", *point, f"{point[0]:.2f} false positives per film, sensitivity {point[1]:.2f}")
    return figure


def reliability(found):
    """Class -> `core.curves.Reliability`; the diagonal is perfect."""
    figure = _figure("predicted probability", "share that is so")
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", showlegend=False, hoverinfo="skip",
                       line={"color": "#5a6672", "dash": "dot", "width": 1})
    for name, each in found.items():
        kept = each.count > 0
        figure.add_scatter(x=each.probability[kept], y=each.share[kept], name=f"{name}, ECE {each.error:.3f}",
                           mode="lines+markers", text=[f"{count} predictions" for count in each.count[kept]],
                           line={"color": COLOURS[name], "dash": DASHES[name], "width": 1.5}, marker={"size": 5})
    return figure


def learning(runs, names, title):
    """The figures `names` of each of `runs` (`core.runs.Run`) by epoch: valid as a line, train dotted."""
    figure = _figure("epoch", title, x_range=(0.8, max([2, *(len(run.metrics) for run in runs)]) + 0.2), y_range=(0, 1))
    figure.update_layout(yaxis={"autorange": True, "range": None}, xaxis={"dtick": 1})
    for run, colour in zip(runs, _cycled(len(runs)), strict=True):
        for name in names:
            for key, dash, kind in ((name, "solid", "valid"), (f"train_{name}", "dot", "train")):
                rows = [row for row in run.metrics if key in row]
                if rows:
                    figure.add_scatter(x=[row["epoch"] for row in rows], y=[row[key] for row in rows],
                                       name=f"{escape(run.name)}, {kind}", mode="lines+markers",
                                       line={"color": colour, "dash": dash, "width": 1.8}, marker={"size": 5})
    return figure


def _cycled(count):
    colours = list(COLOURS.values())
    return [colours[place % len(colours)] for place in range(count)]


def counts(values):
    """Value -> how often it occurs, as bars with their numbers, which stand upright where many bars leave no room."""
    many = len(values) > MANY
    figure = _figure("", "", y_range=(0, (1.35 if many else 1.15) * max([1, *values.values()])))
    figure.add_bar(x=[escape(str(key)) for key in values], y=list(values.values()), textposition="outside",
                   constraintext="none", cliponaxis=False, textangle=-90 if many else 0,
                   text=[f"{n:,}" for n in values.values()], marker={"color": "#56b4e9"})
    return figure.update_layout(height=190, xaxis={"type": "category", "range": None, "autorange": True},
                                margin={"l": 40, "r": 4, "t": 4, "b": 34})


def histogram(values, title):
    """How often values in 0..1 fall into each of 40 bins."""
    figure = _figure(title, "boxes")
    figure.add_histogram(x=values, nbinsx=40, marker={"color": "#56b4e9"})
    return figure.update_layout(yaxis={"autorange": True, "range": None}, xaxis={"autorange": True, "range": None})


_MISSED = [[0, "rgba(86,180,233,0)"], [0.4, "rgba(86,180,233,.45)"], [1, "rgba(190,230,255,.95)"]]
_SHARE = [[0, "rgba(230,159,0,0)"], [0.4, "rgba(230,159,0,.45)"], [1, "rgba(240,228,66,.85)"]]


def density(mean_film, share):
    """The share of boxed films with a box over each cell [G,G], over the mean film uint8 [S,S]."""
    figure = _figure("", "")
    cells = len(share) / len(mean_film)
    figure.add_heatmap(z=mean_film, colorscale="gray", showscale=False, hoverinfo="skip", x0=cells / 2, dx=cells,
                       y0=cells / 2, dy=cells)
    figure.add_heatmap(z=share, colorscale=_SHARE, x0=0.5, y0=0.5, hovertemplate="%{z:.1%}<extra></extra>",
                       colorbar={"tickformat": ".0%", "thickness": 10})
    hidden = {"visible": False, "autorange": None}
    return figure.update_layout(xaxis={**hidden, "range": [0, len(share)], "constrain": "domain"},
                                yaxis={**hidden, "range": [len(share), 0], "scaleanchor": "x"})


def zone_map(missed, false):
    """Where misses and false positives lie, middles [N,2] in shares of the film, as two films side by side."""
    figure = _figure("", "").update_layout(showlegend=False, height=190, margin={"l": 0, "r": 0, "t": 22, "b": 0})
    for place, (name, points, colours) in enumerate((("missed", missed, _MISSED), ("false positives", false, _SHARE))):
        counts, side = spread(points), 1 / CELLS
        figure.add_heatmap(z=counts, colorscale=colours, x0=place * 1.06 + side / 2, dx=side, y0=side / 2, dy=side,
                           showscale=False, hovertemplate="%{z} " + name + "<extra></extra>")
        for x0, y0, x1, y1 in ((0, 0, 1, 1), (MIDLINE, 0, MIDLINE, 1), (0, UPPER, 1, UPPER), (0, LOWER, 1, LOWER)):
            figure.add_shape(type="rect", x0=place * 1.06 + x0, x1=place * 1.06 + x1, y0=y0, y1=y1,
                             line={"color": "#4a5561", "width": 1})
        figure.add_annotation(x=place * 1.06 + 0.5, y=-0.06, text=f"{name} ({len(points):,})", showarrow=False,
                              font={"size": 11})
        across, down = (MIDLINE / 2, (1 + MIDLINE) / 2), (UPPER / 2, (UPPER + LOWER) / 2, (1 + LOWER) / 2)
        figure.add_scatter(x=[place * 1.06 + x for x in across for _ in down], y=[*down, *down], mode="markers",
                           customdata=ZONES, marker={"size": 30, "opacity": 0, "symbol": "square"},
                           hovertemplate="%{customdata}<extra></extra>")  # to be clicked
    hidden = {"visible": False, "autorange": None}
    return figure.update_layout(xaxis={**hidden, "range": [-0.01, 2.07]}, yaxis={**hidden, "range": [1.02, -0.14]})
