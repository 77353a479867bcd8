"""What the networks see: crops, windows and vectors, the same in training and inference."""
