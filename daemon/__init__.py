"""The process around the core: settings, command line, signals, output.

PyPI's python-daemon brings a package of this name, too: install into a virtual environment of its own.
`PRODUCT` is how `doctor` sees that this is the one that was imported.
"""

PRODUCT = "alternator-backup"
