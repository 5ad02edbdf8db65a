"""Where backups live: their layout, their manifests, publishing, listing, verifying."""
