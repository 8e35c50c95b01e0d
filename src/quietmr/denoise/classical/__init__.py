"""Classical denoisers through libraries: one thin wrapper each."""
