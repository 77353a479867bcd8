"""CT as files: DICOM slices, the sagittal plane as a picture, contact sheets."""
