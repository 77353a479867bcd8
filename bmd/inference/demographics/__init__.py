"""Demographics: what age, sex, height and weight say."""
