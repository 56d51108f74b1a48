"""One module per paper (or per subject, for what is classical or was derived here), one entry per claim.

A module has a tuple ``CLAIMS``. Nothing else needs to be told of a new one.
"""
