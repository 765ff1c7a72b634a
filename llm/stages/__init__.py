"""One file per DVC stage: read, call one room, write, return metrics."""
