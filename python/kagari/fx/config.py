"""Settings of torch.fx."""
disable_progress = True
verbose_progress = False
