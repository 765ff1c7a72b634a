"""The commands beside the stages: look at an artefact, plan a training, let a model write."""
