"""What runs the graphs of torch.compile."""
