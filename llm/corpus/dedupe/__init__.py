"""Which documents say the same: hashes, MinHash signatures, true similarity, clusters, repeats."""
