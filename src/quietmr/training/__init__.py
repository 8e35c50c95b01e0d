"""Data sets, losses, optimisers, the training loop."""
