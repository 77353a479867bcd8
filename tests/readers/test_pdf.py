"""Reports saved as PDF: pages as pictures, words with their places, and files that are none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from PIL import Image

from bmd.errors import InputError, LimitError
from bmd.readers import limits, pdf, read_study


def document(pages: int = 1, words: str = "T-score -2.4") -> bytes:
    out = io.BytesIO()
    with PdfPages(out) as book:
        for number in range(pages):
            figure = Figure(figsize=(8.27, 11.69))
            figure.text(0.2, 0.8, words, fontsize=12)
            figure.text(0.2, 0.1, f"page {number}", fontsize=12)
            book.savefig(figure)
    return out.getvalue()


def locked() -> bytes:
    """A small document whose keys fit no empty password."""
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
        b"<< /Filter /Standard /V 1 /R 2 /P -44 /O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for index, part in enumerate(parts, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (index, part)
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer << /Size 5 /Root 1 0 R /Encrypt 4 0 R /ID [<00><00>] >>\nstartxref\n%d\n%%%%EOF" % len(body)
    return body + table + trailer


def test_pages_are_pictures_with_their_words() -> None:
    study = read_study("report.pdf", document(2), "dxa")
    assert study.origin == "PDF"
    assert study.modality == "dxa"
    assert len(study.images) == len(study.words) == 2
    height, width = study.images[0].pixels.shape
    assert height == pytest.approx(11.69 * pdf.DPI, abs=2)
    assert [word.text for word in study.words[0][:2]] == ["T-score", "-2.4"]
    x1, y1, x2, y2 = study.words[0][1].box_px
    ink = 1 - study.images[0].pixels
    inside = ink[int(y1) : int(y2) + 1, int(x1) : int(x2) + 1].sum()
    line = ink[int(y1) : int(y2) + 1, int(0.2 * width) - 5 : int(x2) + 60].sum()
    assert 0.2 * line < inside < 0.6 * line, "the box lies over the number on the picture"


def test_letters_behind_a_scan_are_not_believed() -> None:
    out = io.BytesIO()
    Image.new("L", (600, 800), 255).save(out, "PDF")
    study = read_study("scan.pdf", out.getvalue(), "dxa")
    assert study.words == ((),)
    figure = Figure(figsize=(4, 4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(np.random.default_rng(0).random((40, 40)))
    figure.text(0.2, 0.8, "T-score 2.4")
    out = io.BytesIO()
    figure.savefig(out, format="pdf")
    assert read_study("scan.pdf", out.getvalue(), "dxa").words == ((),)


def test_only_the_first_pages_are_looked_at() -> None:
    study = read_study("long.pdf", document(limits.MAX_PAGES + 2), "dxa")
    assert len(study.images) == limits.MAX_PAGES
    assert [note.code for note in study.notes] == ["read.pdf", "read.pdf_first"]


def test_a_locked_document_is_said_to_be_locked() -> None:
    with pytest.raises(InputError) as told:
        read_study("report.pdf", locked(), "dxa")
    assert told.value.finding.code == "read.pdf_locked"


@pytest.mark.parametrize("data", [b"%PDF-1.7", b"%PDF-1.4\n" + bytes(range(256)) * 20, document()[:2500]])
def test_a_damaged_document_is_said_to_be_damaged(data: bytes) -> None:
    with pytest.raises(InputError) as told:
        read_study("report.pdf", data, "dxa")
    assert told.value.finding.code == "read.pdf_damaged"


def test_a_large_document_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_PDF_BYTES", 1000)
    monkeypatch.setattr(pdf.pdfium, "PdfDocument", None)
    with pytest.raises(LimitError):
        read_study("report.pdf", document(), "dxa")


def test_a_document_is_no_film() -> None:
    with pytest.raises(InputError) as told:
        read_study("report.pdf", document())
    assert told.value.finding.code == "read.not_a_film"


def test_a_document_inside_a_dicom_file_is_read() -> None:
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian, generate_uid

    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file.Modality = "OT"
    file.PatientName = "MUSTERFRAU^ERIKA"
    content = document()
    file.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    out = io.BytesIO()
    pydicom.dcmwrite(out, file, enforce_file_format=True)
    study = read_study("report.dcm", out.getvalue(), "dxa")
    assert study.origin == "PDF"
    assert study.words[0][0].text == "T-score"


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_rubbish_in_a_document_never_breaks_the_reader(cut: float) -> None:
    data = bytearray(document())
    rng = np.random.default_rng(int(cut * 10))
    for place in rng.integers(10, len(data), 60):
        data[place] = rng.integers(256)
    try:
        study = read_study("report.pdf", bytes(data), "dxa")
    except InputError:
        return
    assert study.images
