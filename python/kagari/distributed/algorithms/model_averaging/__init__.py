"""Parameters averaged now and then instead of gradients."""
