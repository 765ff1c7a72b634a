"""Text only: documents from raw files to a clean, unique, split corpus."""
