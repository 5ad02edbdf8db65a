"""Brings backups from one repository into another, on any machine that reaches both."""
