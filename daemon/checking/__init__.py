"""What `doctor` looks at: the installation, the node, its files, the repositories, and what runs have left behind."""
