"""Model weights on disk: our own folders, and the Hugging Face GPT-2 layout."""
