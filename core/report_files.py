"""Which file a report becomes. It knows nothing of what is in it."""

from core.errors import BadSettings
from core.report_html import write_html
from core.report_pdf import write_pdf

WRITERS = {".html": write_html, ".pdf": write_pdf}


def writer(path):
    """The function that writes a `core.report.Report` to `path`, by the end of its name. Raises `BadSettings`."""
    if path.suffix.lower() not in WRITERS:
        raise BadSettings(f"the report's file is {path.name!r}, but its name must end with {' or '.join(WRITERS)}: "
                          "rename it.")
    return WRITERS[path.suffix.lower()]
