"""From raw k-space to an image in SNR units (noise SD = 1 per real channel, times a g-factor that is told)."""
