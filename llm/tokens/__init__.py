"""Text to token ids and back: the tokenizer, its shards, windows and the loader."""
