"""A reproducible factory for small language models."""
