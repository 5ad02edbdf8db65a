"""A repository that stores each SSTable once, over any storage."""
