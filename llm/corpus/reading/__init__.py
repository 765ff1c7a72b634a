"""Raw files read: every format as raw records, one at a time, each with its source and id."""
