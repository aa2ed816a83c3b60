"""The commands that hand on what was told, and take it in again: export, import, deidentify."""

from pathlib import Path

from core.options import add_data, add_ids, add_settings, bar, say, settings_of

BOXES = ("coco", "yolo", "voc")


def _add_export(commands):
    parser = commands.add_parser("export", help="write predictions, or the labels, in formats that others read",
                                 description="Formats: sr, gsps, sc, dicom, png (a file for each film), submission, "
                                             "coco, yolo, voc. Exit code 2 when a film could not be exported; the "
                                             "others are.")
    parser.add_argument("formats", nargs="+", metavar="FORMAT")
    add_data(parser)
    parser.add_argument("--predictions", type=Path, metavar="PATH", help="a directory of predictions, or a competition "
                                                                         "CSV; the labels are exported without")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where a folder for each format goes")
    parser.add_argument("--threshold", type=float, default=0.25, help="least confidence exported (default .25; "
                                                                      "submission, coco, yolo and voc: 0 keeps the AP)")
    parser.add_argument("--deidentify", action="store_true", help="new identifiers throughout (PS3.15 basic profile)")
    add_ids(parser, "export the images in FILE alone")
    add_settings(parser)
    parser.set_defaults(run_command=_export)


def _export(given):
    from core import audit
    from core.dataset import open_dataset
    from core.subset import images_of, read_ids

    dataset = open_dataset(given.data, progress=bar)
    wanted = set(images_of(dataset, read_ids(given.ids))) if given.ids else None
    if given.predictions is None:
        return _export_labels(given, dataset, wanted)
    from core.exports import export
    from core.options import answer_at
    from core.reported import origin_of, reported
    from core.stamp import stamp

    settings = settings_of(given)
    answer, manifest, _ = answer_at(given.predictions, *settings)
    told = reported(answer, [image for image in dataset.images if wanted is None or image.image_id in wanted],
                    given.threshold)
    origin = origin_of(stamp(manifest, dataset.name, *settings), given.threshold)
    done = export(told, origin, given.formats, given.out, deidentify=given.deidentify, progress=bar)
    failed = set(done.failed)
    if said := audit.record("export", [each.image_id for each in told if each.image_id not in failed],
                            detail=" ".join(given.formats)):
        say(said)
    return _ended(done.files, done.failed, done.remarks)


def _export_labels(given, dataset, wanted):
    from core.errors import BadSettings
    from core.interchange import export_truth
    from core.reported import NAME, version
    from core.stamp import stamp

    if dataset.truth is None or not set(given.formats) <= set(BOXES):
        raise BadSettings(f"no predictions are named and the formats are {' '.join(given.formats)}, but labels alone "
                          f"are exported as {', '.join(BOXES)}: give --predictions, or one of these.")
    sizes = {image.image_id: (image.width, image.height) for image in dataset.images
             if image.path and image.width and (wanted is None or image.image_id in wanted)}
    kept = [image_id for image_id in dataset.truth.image_ids if image_id in sizes]
    studies = [dataset.truth.study_ids[row] for row in dict.fromkeys(
        dataset.truth.image_study[[image_id in sizes for image_id in dataset.truth.image_ids]].tolist()) if row >= 0]
    for kind in given.formats:
        export_truth(dataset.truth.subset(kept, studies), sizes, kind, given.out / kind,
                     (f"{NAME} {version()}", f"Labels of {dataset.name}"), stamp({}, dataset.name))
        print(given.out / kind)


def _ended(files, failed, remarks):
    for place in files:
        print(place)
    for image_id, sentence in failed.items():
        say(f"{image_id}: {sentence}")
    for remark in remarks:
        say(remark)
    return 2 if failed else 0


def _add_import(commands):
    parser = commands.add_parser("import", help="take boxes of other programs in, as predictions or as labels",
                                 description="Predictions go to a competition CSV (--out FILE.csv) or to a directory "
                                             "of predictions, labels to the competition's two CSVs in a directory.")
    parser.add_argument("format", choices=BOXES)
    parser.add_argument("--from", dest="source", type=Path, required=True, metavar="PATH", help="the file or folder")
    parser.add_argument("--as", dest="what", choices=("predictions", "truth"), required=True)
    add_data(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="PATH")
    parser.set_defaults(run_command=_import)


def _import(given):
    from core.dataset import open_dataset
    from core.interchange import import_predictions, import_truth

    study_of = {image.image_id: image.study_id for image in open_dataset(given.data, progress=bar).images}
    take = import_predictions if given.what == "predictions" else import_truth
    print(take(given.source, given.format, study_of, given.out))


def _add_deidentify(commands):
    parser = commands.add_parser("deidentify", help="copy films without their patients (PS3.15 basic profile)",
                                 description="New UIDs are the same within one call. Exit code 2 when a film could not "
                                             "be copied; the others are.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="DICOM files, or directories of them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run_command=_deidentify)


def _deidentify(given):
    from core import audit
    from core.exports import copy_without_patients

    files = [file for path in given.paths
             for file in (sorted(path.rglob("*.[dD][cC][mM]")) if path.is_dir() else [path])]
    done = copy_without_patients(bar(files), given.out)
    if said := audit.record("export", [str(path.name) for path in done.files], detail="deidentify"):
        say(said)
    return _ended(done.files, done.failed, done.remarks)


ADD = (_add_export, _add_import, _add_deidentify)
