"""What this product does, shown for real against a sandbox node: a module for each scene, in the order of `program`."""
