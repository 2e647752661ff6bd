"""Transforms of functions: vmap, derivatives, and what they share. `torch.func` and `torch.vmap` give the public names."""
