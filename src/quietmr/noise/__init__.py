"""The noise itself: draw it, estimate it, correct its bias."""
