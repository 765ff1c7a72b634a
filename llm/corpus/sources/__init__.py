"""Where raw files come from: sources as settings, brought in whole, verified and counted."""
