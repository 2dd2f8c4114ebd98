"""Verifying signatures (TIP1-A_5034-06): read in each form, judged, reported."""
