"""The probes for mistakes with boxes (1 to 6): which slip each source made, what it cost, and the boxes without it.

This module knows nothing of files or of what else may be wrong.
"""

from dataclasses import dataclass, replace

import numpy as np

from core.alignment import align
from core.evaluation import average_precision
from core.exhibits import as_predictions
from core.findings import mistake
from core.fusion import FusionSettings, fuse
from core.matching import match
from core.mirroring import look_for_mirroring
from core.slips import cured, stories
from core.walls import outside, walls


@dataclass(frozen=True, eq=False)
class BoxReport:
    """`findings` on boxes, and the exhibit `cured` of those that can be."""

    findings: tuple
    cured: object


def probe_boxes(exhibit, place, settings=None):
    """The `BoxReport` of an `core.exhibits.Exhibit` at its `core.alignment.Place`.

    `settings` (`FusionSettings`) is how candidates are fused for the APs; a CSV is fused already.
    """
    known = tuple({float(side) for each in exhibit.manifest.get("weights", []) if isinstance(each, dict)
                   and each.get("task") == "detector" for side in _sides(each)})
    told = [align(exhibit.rows(exhibit.source == number), place, stories(known))
            for number in range(len(exhibit.sources))]
    boxes = exhibit.boxes.copy()
    for number, each in enumerate(told):
        mine = exhibit.source == number
        boxes[mine] = cured(boxes[mine], place.sides[exhibit.film[mine]], each.story)
    turned = replace(exhibit, boxes=boxes)
    findings = tuple(_slips(exhibit, turned, told, place, settings))
    left, mended = _outside(exhibit, turned, place, settings)
    cut = tuple(_walls(exhibit, turned, place, settings))
    said = any(each.mistake == 3 for each in findings)
    return BoxReport((*findings, *(() if said else cut or left), *_mixed(turned, place)), mended)


def _sides(described):
    size = described.get("image_size")
    return [side for side in size if isinstance(side, (int, float))] if isinstance(size, list) else []


def opacity_ap(exhibit, place, settings=None):
    """Opacity AP of the exhibit as it stands over the labelled films; boxes without area are left out.

    Candidates are fused by `settings`, the viewer's first ones by default. None without a ground-truth box.
    """
    if not len(place.boxes):
        return None
    found = exhibit.rows(place.labelled[exhibit.film] & np.isfinite(exhibit.boxes).all(axis=1))
    if exhibit.is_csv:
        found = found.rows((found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1))
        boxes, scores, offsets = found.boxes.astype(np.float32), found.scores, found.offsets
    else:
        fused = fuse(as_predictions(found).candidates, settings or FusionSettings())
        boxes, scores, offsets = fused.boxes, fused.scores, fused.offsets
    matches = match(place.boxes, place.offsets, boxes, offsets, scores)
    return average_precision(scores, matches.true_positive, len(place.boxes))


def _figures(before, after):
    return "" if before is None or after is None else f" Opacity AP {before:.4f} as it stands, {after:.4f} cured."


def _slips(exhibit, turned, told, place, settings):
    """A finding for each mistake in the stories of the sources."""
    if not any(each.story for each in told):
        return
    figures = _figures(opacity_ap(exhibit, place, settings), opacity_ap(turned, place, settings))
    for number in sorted({slip.mistake for each in told for slip in each.story}):
        mine = [(source, each) for source, each in zip(exhibit.sources, told, strict=True)
                if any(slip.mistake == number for slip in each.story)]
        names = list(dict.fromkeys(slip.name for _, each in mine for slip in each.story if slip.mistake == number))
        with_it = sorted({slip.mistake for _, each in mine for slip in each.story} - {number})
        before, after = (np.mean([getattr(each, name) for _, each in mine]) for name in ("before", "after"))
        who = "" if exhibit.is_csv else (f" In {len(mine)} of {len(told)} detector sources: "
                                         f"{', '.join(source.name for source, _ in mine)}.")
        both = f" Together with mistake {' and '.join(map(str, with_it))}." if with_it else ""
        gains = np.nanmean(np.array([np.nan_to_num(each.gain) for _, each in mine]), axis=0)
        yield mistake(number, f"{'; '.join(names)}.{who}{both}{figures} Confident boxes of boxed films overlap the "
                              f"ground truth by {before:.3f} (IoU) as they stand and by {after:.3f} cured, "
                              f"{min(each.z for _, each in mine):.0f} standard errors.", _films(exhibit, gains))


def _films(exhibit, gains):
    order = np.argsort(-gains, kind="stable")
    return [exhibit.image_ids[row] for row in order[gains[order] > 0.05]]


def _outside(exhibit, turned, place, settings):
    """A finding on boxes outside their film, and the exhibit clipped to it where there is one."""
    sides = place.sides[exhibit.film]
    found = outside(turned.boxes, sides)
    if not found.told:
        return (), turned
    edges = sides[:, [0, 1, 0, 1]]
    mended = replace(turned, boxes=np.where(np.isnan(edges), turned.boxes, turned.boxes.clip(0, edges)))
    films = np.bincount(exhibit.film[found.rows], minlength=len(exhibit.image_ids))
    figures = _figures(opacity_ap(turned, place, settings), opacity_ap(mended, place, settings))
    return (mistake(3, f"{found.rows.sum():,} of {len(found.rows):,} boxes reach outside their film, "
                       f"{found.wholly.sum():,} of them wholly, by up to {found.most:.0%} of its side.{figures}",
                    _films(exhibit, films)),), mended


def _walls(exhibit, turned, place, settings):
    """A finding on walls inside the films, in the boxes as they stand or cured."""
    rows, names = _wall_rows(turned, turned, place)
    if not names and not np.array_equal(exhibit.boxes, turned.boxes):
        rows, names = _wall_rows(exhibit, turned, place)
    if names:
        films = np.bincount(exhibit.film[rows], minlength=len(exhibit.image_ids))
        ap = opacity_ap(turned, place, settings)
        yield mistake(3, f"{rows.sum():,} of {len(rows):,} boxes end at a wall inside their film, and nearly none lies "
                         f"beyond it: {'; '.join(names[:4])}. So they were clipped to another frame."
                         f"{'' if ap is None else f' Opacity AP {ap:.4f}.'} What was cut off is not in the file.",
                      _films(exhibit, films), "Predict again, and clip to the film's own sides.")


def _wall_rows(exhibit, turned, place):
    """The boxes of `exhibit` that end at a wall which is not the film's edge in `turned`, and the walls' names."""
    rows, names = np.zeros(len(exhibit.film), bool), []
    for number in range(len(exhibit.sources)):
        mine = np.flatnonzero(exhibit.source == number)
        sides = place.sides[exhibit.film[mine]]
        at_edge = _at_edge(turned.boxes[mine], sides)
        for wall in walls(exhibit.boxes[mine], sides, exhibit.film[mine]):
            if (wall.rows & ~at_edge).sum() > 0.5 * wall.rows.sum():
                rows[mine] |= wall.rows
                names.append(wall.name)
    return rows, list(dict.fromkeys(names))


def _at_edge(boxes, sides):
    near = np.maximum(1.5, 0.006 * sides)
    return ((np.abs(boxes[:, :2]) < near) | (np.abs(boxes[:, 2:] - sides) < near)).any(axis=1)


def _mixed(turned, place):
    """A finding on a CSV that fused views of which some were not flipped back."""
    if not turned.is_csv or not len(turned.boxes):
        return
    seen = look_for_mirroring(turned, place)
    if seen.told:
        yield mistake(4, f"{seen.exact:.0%} of the confident boxes have a nearly exact mirror image of about their "
                         "score "
                         f"on the film ({seen.near:.0%} a near one; anatomy gives about 5 % and 15 %). Of the "
                         "films with "
                         f"disease on one side alone, {seen.right} are hit better there and {seen.wrong} as well "
                         "or better "
                         "on the other. So plain and flipped views were fused in two frames.",
                      [turned.image_ids[row] for row in seen.films], "Flip the boxes of flipped views back before "
                                                                     "fusion.")
