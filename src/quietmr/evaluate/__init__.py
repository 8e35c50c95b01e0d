"""Evidence in numbers: against a truth, against repeats, and without either.

The modules are imported one by one, so that a command pays only for the evidence it asks for.
"""
