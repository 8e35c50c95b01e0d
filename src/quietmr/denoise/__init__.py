"""The Denoiser contract, networks on whole images, classical methods."""
