"""What other projects' packages do with the same input, each in a process of its own."""
