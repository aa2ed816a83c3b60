"""The films of one patient: those of a film's study, and those of the patient's other studies.

It knows nothing of labels or predictions.
"""


def company(images, row):
    """Rows of the other films of the study of `images[row]`, then those of its patient's other studies, in order.

    `images` are `core.dataset.Image`s; where the header names no patient, the study stands alone.
    """
    one = images[row]
    others = [each for each in range(len(images)) if each != row]
    study = [each for each in others if images[each].study_id == one.study_id]
    patient = [each for each in others if one.patient_id and images[each].patient_id == one.patient_id
               and images[each].study_id != one.study_id]
    return [*study, *patient]
