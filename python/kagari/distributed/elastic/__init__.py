"""What torchrun's programs import."""
