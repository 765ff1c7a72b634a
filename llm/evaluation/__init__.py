"""How good a model is: perplexity against a baseline, answers, metrics, judges."""
