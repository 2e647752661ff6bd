"""Names of the newer parts of torch.fx."""
