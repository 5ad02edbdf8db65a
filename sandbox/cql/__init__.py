"""The CQL native protocol of the sandbox node."""
