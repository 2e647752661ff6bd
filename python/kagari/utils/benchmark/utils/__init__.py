"""The parts of torch.utils.benchmark, one per file."""
