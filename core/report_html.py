"""A `core.report.Report` as one HTML file that needs nothing else: pictures and styles lie inside.

Every value is escaped, and the page's policy forbids scripts and addresses of others.
"""

import base64

import cv2
from jinja2 import Environment

from core.files import whole_file
from core.report import HEADS, LARGEST, TITLE, colour, contents, in_words, letters

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
  body { font: 14px/1.45 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #1b1f24; margin: 24px auto;
         max-width: 1080px; padding: 0 16px; }
  h1 { font-size: 22px; } h2 { font-size: 17px; margin: 0 0 8px; overflow-wrap: anywhere; }
  section { border-top: 1px solid #c4cad1; padding: 18px 0; break-inside: avoid; }
  .sides { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 20px; }
  @media (max-width: 760px) { .sides { grid-template-columns: 1fr; } }
  svg { width: 100%; height: auto; background: #000; display: block; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 0 0 12px; }
  dt { color: #555e68; } dd { margin: 0; overflow-wrap: anywhere; }
  table { border-collapse: collapse; width: 100%; margin: 0 0 12px; }
  th, td { text-align: left; padding: 3px 6px; border-bottom: 1px solid #dfe3e7; vertical-align: top; }
  th { color: #555e68; font-weight: 500; } .warning { font-weight: 600; } .problem { color: #a3260a; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<dl>{% for name, value in report.origin %}<dt>{{ name }}</dt><dd{% if name == "warning" %} class="warning"{% endif %}>
{{- value }}</dd>{% endfor %}</dl>
<p>Dashed boxes are ground truth, solid ones detections. TP: true positive, FP: false positive, FN: missed.</p>
<table><thead><tr>{% for head in heads %}<th>{{ head }}</th>{% endfor %}</tr></thead><tbody>
{% for case in report.cases %}{% set number = loop.index %}<tr>{% for text in case|contents %}<td>
{%- if loop.first %}<a href="#film-{{ number }}">{{ text }}</a>{% else %}{{ text }}{% endif %}</td>
{%- endfor %}</tr>
{% endfor %}</tbody></table>
{% for case in report.cases %}
<section id="film-{{ loop.index }}">
<h2>{{ case.image_id }}</h2>
<div class="sides">
<div>{% if case.problem %}<p class="problem">{{ case.problem }}</p>{% else %}
<svg viewBox="0 0 {{ case.picture.shape[1] }} {{ case.picture.shape[0] }}" role="img"
 aria-label="Film {{ case.image_id }} with {{ case.findings|length }} boxes">
<image width="{{ case.picture.shape[1] }}" height="{{ case.picture.shape[0] }}" href="{{ case|png }}"/>
{% for box in case|boxes %}<g><title>{{ box.words }}</title>
<rect x="{{ box.x }}" y="{{ box.y }}" width="{{ box.width }}" height="{{ box.height }}" fill="none" stroke="#000"
 stroke-opacity=".6" stroke-width="{{ 2.2 * box.line }}"/>
<rect x="{{ box.x }}" y="{{ box.y }}" width="{{ box.width }}" height="{{ box.height }}" fill="none"
 stroke="{{ box.colour }}" stroke-width="{{ box.line }}"{% if box.truth %} stroke-dasharray="{{ 4 * box.line }}
 {{ 3 * box.line }}"{% endif %}/>
<text x="{{ box.x }}" y="{{ box.foot }}" font-size="{{ 8 * box.line }}" fill="#fff" stroke="#000"
 stroke-width="{{ box.line }}" paint-order="stroke" font-family="sans-serif">{{ box.letters }}</text></g>
{% endfor %}</svg>{% endif %}</div>
<div>
<dl><dt>study</dt><dd>{{ case.study_id }}</dd>
{% for name, value in case.facts %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
{% if case.findings %}<table><thead><tr><th>box</th><th>confidence</th><th>IoU</th><th>kind</th><th>reason</th></tr>
</thead><tbody>{% for finding in case.findings %}<tr>{% for text in finding|in_words %}<td>{{ text }}</td>{% endfor %}
</tr>{% endfor %}</tbody></table>{% else %}<p>No box.</p>{% endif %}
{% for name, meaning in case.kinds.items() %}<p><b>{{ name }}</b>: {{ meaning }}.</p>{% endfor %}
{% for sentence in case.said %}<p>{{ sentence }}</p>{% endfor %}
</div>
</div>
</section>
{% endfor %}
</body>
</html>
"""


def html(report):
    """The page of a `core.report.Report`, text."""
    environment = Environment(autoescape=True)
    environment.filters.update({"png": _png, "boxes": _boxes, "in_words": in_words, "contents": contents})
    return environment.from_string(_PAGE).render(report=report, title=TITLE, heads=HEADS)


def write_html(path, report):
    """Write the page to `path`, whole or not at all. Raises `GroundglassError` when it cannot be written."""
    text = html(report)
    with whole_file(path) as temporary:
        temporary.write_text(text, "utf-8", errors="backslashreplace")


def _png(case):
    data = cv2.imencode(".png", case.picture)[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _boxes(case):
    """Truth first, so that detections lie above it; in pixels of the picture."""
    line = max(1.0, 2.5 * max(case.picture.shape) / LARGEST)
    for each in sorted(case.findings, key=lambda finding: not finding.truth):
        x0, y0, x1, y1 = (round(corner * case.scale, 1) for corner in each.xyxy)
        yield {"x": x0, "y": y0, "width": round(x1 - x0, 1), "height": round(y1 - y0, 1), "truth": each.truth,
               "foot": y1 + 9 * line if each.truth else y0 - 2 * line, "colour": colour(each), "letters": letters(each),
               "line": line, "words": ", ".join(text for text in in_words(each) if text)}
