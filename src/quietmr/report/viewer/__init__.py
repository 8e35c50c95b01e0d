"""Scans in the browser: before beside after, what was removed on top, in three planes and in 3-D.

`files` finds the NIfTI files and `pairing` says which belong together; `server` gives them, and nothing else, to the
browser on this machine; `page/` is what the browser shows, with NiiVue (`fetch`, `niivue.json`) to draw it.
"""
