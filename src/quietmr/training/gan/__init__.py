"""Training of networks that translate between noisy and clean images, from unpaired images, against discriminators."""
