"""How weights are learned: loss, schedule, optimizer, checkpoints, and the one loop."""
