"""Bringing a table back: choose, plan, create, load, wait for the indexes, switch on what was on, prove."""
