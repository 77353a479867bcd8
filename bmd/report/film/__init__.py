"""Films as files: annotated PNG, DICOM, contact sheets."""
