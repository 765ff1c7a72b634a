"""The embedded default data: seeded generators of stories, messages and instructions."""
