"""Which documents are kept: what is asked of a text, and every rule with its named reason."""
