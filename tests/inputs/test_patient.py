"""What the networks are told of the patient, from one place."""

from __future__ import annotations

import numpy as np

from bmd.inputs.patient import demographics_vector, patient_vector, patient_vector_with_bmi
from bmd.types import Demographics


def test_demographics_flags_what_is_known() -> None:
    full = demographics_vector(75, 1, 175, 85)
    np.testing.assert_allclose(full, [1, 1, 1, 1, 1, 1, 1, 1])
    some = demographics_vector(age_y=60, male=float("nan"), weight_kg=None)
    np.testing.assert_allclose(some, [0, 0, 0, 0, 1, 0, 0, 0])


def test_a_patient_is_told_by_values_and_flags() -> None:
    np.testing.assert_array_equal(patient_vector(Demographics(75, "M", 175, 85)), demographics_vector(75, 1, 175, 85))
    np.testing.assert_array_equal(patient_vector(Demographics(sex="F")), [0, -1, 0, 0, 0, 1, 0, 0])
    np.testing.assert_array_equal(patient_vector(Demographics()), np.zeros(8))


def test_body_mass_index_is_known_with_height_and_weight_only() -> None:
    ten = patient_vector_with_bmi(Demographics(75, "M", 175, 85))
    np.testing.assert_allclose(ten, [1, 1, 1, 1, (85 / 1.75**2 - 24) / 4.5, 1, 1, 1, 1, 1], rtol=1e-6)
    np.testing.assert_array_equal(patient_vector_with_bmi(Demographics(75, "M", 175))[[4, 9]], [0, 0])
