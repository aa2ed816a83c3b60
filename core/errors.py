"""The errors a user can meet, each one sentence with the value, the rule and the remedy.

    GroundglassError
    +-- UnreadableFilm    a DICOM file that cannot be shown
    +-- BadTable          a CSV: file, row and column are named
    +-- BadDataset        a directory that is not the competition layout
    +-- BadPredictions    a predictions directory
    +-- BadWeights        a weights file, or weights that do not fit
    +-- BadSettings       a setting outside its range
    +-- BadUpload         files, folders or archives that cannot be taken in
    +-- BadExport         what cannot be exported, or an exported file that cannot be read back
    +-- BadReview         a reader's verdict that cannot be saved or read

Commands print the sentence on standard error and exit with code 2; pages show it where the reader looks.
Anything else that is raised is a defect of the program.
"""


class GroundglassError(Exception):
    """Base of every expected failure; ``str(error)`` is the sentence for the user."""


class UnreadableFilm(GroundglassError):
    """A DICOM file that cannot be shown truthfully."""


class BadTable(GroundglassError):
    """A CSV whose columns or cells break the competition's rules; `faults` are sentences on each of them."""

    def __init__(self, sentence, faults=()):
        super().__init__(sentence)
        self.faults = tuple(faults)


class BadDataset(GroundglassError):
    """A directory that does not hold the competition layout."""


class BadPredictions(GroundglassError):
    """A predictions directory that is missing, incomplete or inconsistent."""


class BadWeights(GroundglassError):
    """A weights file that cannot be loaded, or does not fit what it says it is."""


class BadSettings(GroundglassError):
    """A setting outside its range."""


class BadUpload(GroundglassError):
    """Files, a folder or an archive that cannot be taken in."""


class BadExport(GroundglassError):
    """A film that cannot be exported in a format, or a file of such a format that cannot be read back."""


class BadReview(GroundglassError):
    """A reader's verdict that cannot be kept, or a database of verdicts that cannot be written or read."""
