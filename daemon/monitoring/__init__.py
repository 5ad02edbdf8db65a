"""What `status` tells people and `check` tells a monitoring system, with or without a daemon and a node."""
