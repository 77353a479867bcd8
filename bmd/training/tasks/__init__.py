"""What each training task draws, encodes and validates."""
