"""Alternator, the DynamoDB API of the sandbox node."""
