"""The Abdominal CT page: choosing a volume, its result, its built-in cases."""
