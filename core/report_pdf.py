"""A `core.report.Report` as PDF, a page or more for each film: the picture, its boxes as lines above it, and the words.

Letters beyond Latin-1, which the standard fonts of PDF have not, are written as \\u and their number.
"""

import io
from html import escape

import cv2
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from core.files import whole_file
from core.report import HEADS, TITLE, colour, contents, in_words, letters
from core.reported import WARNING

MARGIN = 15 * mm
WIDEST, HIGHEST = A4[0] - 2 * MARGIN - 12, 125 * mm  # of a film on the page
_STYLES = getSampleStyleSheet()
_GRID = TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.3, colors.lightgrey),
                    ("LEFTPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2)])
_WIDTHS = [22 * mm, 22 * mm, 14 * mm, 40 * mm, None]  # of the columns of the boxes


def write_pdf(path, report):
    """Write the report to `path`, whole or not at all. Raises `GroundglassError` when it cannot be written."""
    memory = io.BytesIO()
    document = SimpleDocTemplate(memory, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN,
                                 bottomMargin=MARGIN, title=TITLE, author="")
    parts = [_words(TITLE, "Title"), _table(report.origin, (35 * mm, None)), Spacer(0, 6 * mm),
             _table([HEADS, *map(contents, report.cases)], (45 * mm, 12 * mm, 12 * mm, 12 * mm, None))]
    for case in report.cases:
        parts += [PageBreak(), *_case(case)]
    document.build(parts, onFirstPage=_foot, onLaterPages=_foot)
    with whole_file(path) as temporary:
        temporary.write_bytes(memory.getvalue())


def _case(case):
    yield _words(case.image_id, "Heading2")
    yield _words(case.problem) if case.problem else _Film(case)
    yield Spacer(0, 3 * mm)
    yield _table((("study", case.study_id), *case.facts), (45 * mm, None))
    yield Spacer(0, 3 * mm)
    if case.findings:
        yield _table([("box", "confidence", "IoU", "kind", "reason"), *map(in_words, case.findings)], _WIDTHS)
    for name, meaning in case.kinds.items():
        yield _words(f"{name}: {meaning}.")
    for sentence in case.said:
        yield _words(sentence)


def _table(rows, widths):
    return Table([[_words(text) for text in row] for row in rows], colWidths=list(widths), style=_GRID,
                 hAlign="LEFT", splitInRow=1)


def _words(text, style="BodyText"):
    """A paragraph that shows `text` literally."""
    return Paragraph(escape(text.encode("latin-1", "backslashreplace").decode("latin-1")), _STYLES[style])


def _foot(canvas, document):
    canvas.saveState()
    canvas.setFont("Helvetica", 8)
    canvas.drawString(MARGIN, 8 * mm, WARNING)
    canvas.drawRightString(A4[0] - MARGIN, 8 * mm, str(document.page))
    canvas.restoreState()


class _Film(Flowable):
    """A film with its boxes."""

    def __init__(self, case):
        super().__init__()
        self.case = case
        height, width = case.picture.shape
        self.zoom = min(WIDEST / width, HIGHEST / height)
        self.width, self.height = width * self.zoom, height * self.zoom

    def wrap(self, _width, _height):
        return self.width, self.height

    def draw(self):
        picture = io.BytesIO(cv2.imencode(".png", self.case.picture)[1].tobytes())
        self.canv.drawImage(ImageReader(picture), 0, 0, self.width, self.height)
        for each in sorted(self.case.findings, key=lambda finding: not finding.truth):
            self._box(each)

    def _box(self, finding):
        """Lines of the box; PDF counts y from below."""
        x0, y0, x1, y1 = (corner * self.case.scale * self.zoom for corner in finding.xyxy)
        self.canv.setDash([4, 3] if finding.truth else [])
        for tone, width in ((colors.black, 2.6), (colors.HexColor(colour(finding)), 1.4)):
            self.canv.setStrokeColor(tone)
            self.canv.setLineWidth(width)
            self.canv.rect(x0, self.height - y1, x1 - x0, y1 - y0)
        self.canv.setDash([])
        text = letters(finding)
        self.canv.setFont("Helvetica-Bold", 7)
        wide = self.canv.stringWidth(text, "Helvetica-Bold", 7)
        foot = self.height - y1 - 8 if finding.truth else self.height - y0
        self.canv.setFillColor(colors.black)
        self.canv.rect(x0, foot, wide + 2, 8, stroke=0, fill=1)
        self.canv.setFillColor(colors.white)
        self.canv.drawString(x0 + 1, foot + 2, text)
