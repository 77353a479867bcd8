"""A person before an X-ray tube: projection, beam, tissue, console."""
