"""The GPT: tensors in, tensors out; never files of text."""
