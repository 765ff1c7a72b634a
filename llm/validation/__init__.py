"""The gates: one contract per kind of data, checked by Great Expectations."""
