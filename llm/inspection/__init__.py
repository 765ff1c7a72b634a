"""Any artefact as a person reads it: documents, rejects, shards, clusters, weights."""
