"""Clinical tables as people keep them: whatever is read is right, whatever is not is counted, nobody is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmd.errors import InputError
from bmd.evaluation.validation.files import assign, said_view, shape
from bmd.evaluation.validation.scale import truth_of
from bmd.evaluation.validation.table import Patient, key_of, read_table
from bmd.reference import LUNAR
from bmd.types import Demographics

ODD = """Patient ID;Age (years);Gender;Height/cm;Weight (kg);BMI;Femoral neck BMD;L1-L4 BMD (g/cm2);T-score;name
001;63;Female;158;55;22;0.7;0,874;−2,0;Someone A
2;71 y;男;1.72;80 kg;27;0.8;1100;-0,1;Someone B
P003;;F;160;abc;;;0.9;-1.78;Someone C
4.0;58;1;;60;;;9;-9;Someone D
001;63;F;158;56;22;0.7;0.874;-2.0;Someone A
;66;M;170;70;;;1.0;-0.95;Someone E
;;;;;;;;;
005;55;F;150;50;;;<0.8;NA;Someone F
"""


def written(folder: Path, words: str, name: str = "clinical.csv", encoding: str = "utf-8") -> Path:
    (folder / name).write_text(words, encoding=encoding)
    return folder


def test_odd_values_are_read_or_counted(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, ODD))
    people = {patient.key: patient for patient in table.patients}
    assert list(people) == ["1", "2", "3", "4", None, "5"]
    assert people["1"].known == Demographics(63, "F", 158, None), "two weights: neither can be told right"
    assert (people["1"].bmd, people["1"].t) == (0.874, -2.0)
    assert people["2"].known == Demographics(71, "M", 172, 80)
    assert (people["2"].bmd, people["2"].t) == (pytest.approx(1.1), -0.1)
    assert people["3"].known == Demographics(None, "F", 160, None)
    assert (people["4"].known.sex, people["4"].bmd, people["4"].t) == (None, None, None)
    assert people["5"].bmd is None, "below a limit is no number"
    assert table.headings["bmd"] == "L1-L4 BMD (g/cm2)", "the neck's is another site"
    faults = dict(table.faults)
    assert faults["row", "blank"] == faults["row", "repeated"] == faults["row", "without_id"] == 1
    assert faults["weight", "conflict"] == faults["weight", "unread"] == faults["sex", "coded"] == 1
    assert faults["height", "unit"] == faults["bmd", "unit"] == faults["bmd", "range"] == faults["t", "range"] == 1
    assert faults["age", "missing"] == 1
    assert faults["bmd", "unread"] == 1
    assert (
        sum(count for (name, what), count in faults.items() if name == "row" and what != "without_id")
        + len(table.patients)
        == table.rows
    ), "every row is a patient's first, a further one, or empty"


def test_numbers_for_the_sex_need_to_be_told(tmp_path: Path) -> None:
    written(tmp_path, "id,sex,t\n1,1,-1\n2,2,-2\n")
    assert [p.known.sex for p in read_table(tmp_path).patients] == [None, None]
    assert [p.known.sex for p in read_table(tmp_path, male="1").patients] == ["M", "F"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_tables_below_a_title(tmp_path: Path, encoding: str) -> None:
    words = "某医院,,,\n编号,年龄,性别,T值\n17,66,女,-2.1\n"
    (patient,) = read_table(written(tmp_path, words, encoding=encoding)).patients
    assert (patient.key, patient.known.age_y, patient.known.sex, patient.t) == ("17", 66, "F", -2.1)


def test_several_tables_are_taken_together_and_others_passed_over(tmp_path: Path) -> None:
    written(tmp_path, "id,t\n1,-1\n2,-2\n", "a.csv")
    written(tmp_path, "ID,age,T-score\n2,70,-2.0\n3,60,-3\n", "b.csv")
    written(tmp_path, "file,kV\nx,80\n", "exposure.csv")
    (tmp_path / "broken.xlsx").write_bytes(b"PK\3\4 nothing")
    table = read_table(tmp_path)
    assert [(p.key, p.known.age_y, p.t) for p in table.patients] == [("1", None, -1), ("2", 70, -2), ("3", 60, -3)]
    assert table.faults["file", "unread"] == 1
    assert [path.name for path in table.files] == ["a.csv", "b.csv"]


def test_excel_tables(tmp_path: Path) -> None:
    book = pytest.importorskip("openpyxl").Workbook()
    for row in (("Patient", "Age", "Sex", "T-score"), (1, 61, "M", -1.5), ("002", None, "F", "-2,5")):
        book.active.append(row)
    book.save(tmp_path / "clinical.xlsx")
    people = read_table(tmp_path).patients
    assert [(p.key, p.known.age_y, p.known.sex, p.t) for p in people] == [("1", 61, "M", -1.5), ("2", None, "F", -2.5)]


def test_no_table_says_what_is_needed(tmp_path: Path) -> None:
    written(tmp_path, "name,age\na,1\n")
    with pytest.raises(InputError) as caught:
        read_table(tmp_path)
    assert caught.value.finding.code == "validation.no_table"
    with pytest.raises(InputError):
        read_table(tmp_path, tmp_path / "none.csv")


@given(
    st.integers(0, 99999),
    st.sampled_from(["{}", "{:05d}", "{}.0", " {} ", "Patient_{}", "P{}", "case {:03d}", "ID-{}"]),
)
def test_one_identifier_is_one_however_it_is_written(number: int, form: str) -> None:
    assert key_of(form.format(number)) == str(number)


def people(*keys: str) -> list[Patient]:
    return [Patient(row, key_of(key), Demographics()) for row, key in enumerate(keys, 1)]


def test_files_find_their_patients_in_any_layout(tmp_path: Path) -> None:
    given_to = {
        "Xray/001/AP.dcm": 1,
        "Xray/001/series 2/1.dcm": 1,
        "lateral/7.dcm": 2,
        "CT/patient_7/IM0001.dcm": 2,
        "AP/Patient_0012_AP.png": 3,
        "12-lat.dcm": 3,
        "nii/12.nii.gz": 3,
    }
    nobodys = ("99/AP.dcm", "Xray/zhang/LAT.dcm", "IM0001.dcm")
    beside = ("README.md", "001/notes.txt", ".hidden/001/AP.dcm", "out/001.png")
    for name in (*given_to, *nobodys, *beside):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = assign(tmp_path, people("1", "7", "12"), [tmp_path / "out"])
    assert {str(path.relative_to(tmp_path)): row for row, paths in found.of.items() for path in paths} == given_to
    assert found.nobodys == len(nobodys)
    assert set(found.shapes) == {"99/aa.dcm", "aaaa/aaaaa/aaa.dcm", "aa9999.dcm"}, "no letter and no digit is kept"
    assert shape(Path("王_17/a.DCM")) == "a_99/a.dcm"


@pytest.mark.parametrize(
    ("place", "view"),
    [("1/AP.dcm", "ap"), ("1/lat.dcm", "lateral"), ("LAT/17.dcm", "lateral"), ("1/1_LAT2.dcm", "lateral"),
     ("1/2.dcm", None), ("AP/1_lat.dcm", None), ("map/latte.dcm", None), ("侧位/1.dcm", "lateral")],
)  # fmt: skip
def test_sides_are_read_from_names(place: str, view: str | None) -> None:
    assert said_view(Path(place)) == view


def measured(mean: float, sd: float, count: int = 40, noise: float = 0.0) -> list[Patient]:
    found = []
    for k in range(count):
        bmd = 0.7 + 0.6 * k / count
        t = round((bmd - mean) / sd + noise * (-1) ** k, 4)
        found.append(Patient(k + 1, str(k), Demographics(), bmd, t))
    return found


def test_scales_are_told_by_the_tables_own_reference_or_not_at_all() -> None:
    lunar = truth_of(measured(1.114, 0.12))
    assert (lunar.scale, lunar.asked, lunar.mean, lunar.sd) == (
        "lunar",
        False,
        pytest.approx(1.114),
        pytest.approx(0.12),
    )
    at_mean = Patient(1, None, Demographics(), LUNAR.mean["L1-L4"])
    assert lunar.t(at_mean) == pytest.approx(0, abs=0.05), "the means of both makers agree"
    hologic = truth_of(measured(1.047, 0.11))
    assert hologic.scale == "hologic"
    assert hologic.t(Patient(1, None, Demographics(), 0.772)) == pytest.approx(-2.5)
    for some in (measured(1.0, 0.14), measured(1.114, 0.12, noise=2.0), measured(1.114, 0.12, count=19)):
        unknown = truth_of(some)
        assert unknown.scale == "table"
        assert unknown.t(some[3]) == some[3].t
    assert truth_of(measured(1.0, 0.14), "hologic").scale == "hologic"


def test_excel_without_its_reader_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas

    def missing(*_: object, **__: object) -> None:
        raise ImportError("openpyxl")

    (tmp_path / "clinical.xlsx").write_bytes(b"PK\3\4")
    monkeypatch.setattr(pandas, "read_excel", missing)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path)
    assert caught.value.finding.code == "validation.excel"
