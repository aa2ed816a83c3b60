"""Which films keep a film company: its study first, then the patient's other studies."""

from core.company import company
from core.dataset import Image


def test_the_study_comes_first_and_a_nameless_patient_has_no_other_studies():
    told = [("a", "S", "p"), ("b", "T", "p"), ("c", "S", "p"), ("d", "U", "q"), ("e", "V", ""), ("f", "W", "")]
    images = [Image(name, study, None, patient, 0, 0, "") for name, study, patient in told]
    assert company(images, 0) == [2, 1]
    assert company(images, 3) == company(images, 4) == []
