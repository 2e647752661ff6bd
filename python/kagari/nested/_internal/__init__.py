"""Where programs look for the class of jagged tensors."""
