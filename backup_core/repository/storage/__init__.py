"""Where objects are kept: a directory, a bucket, memory; all with the one interface of `protocol`."""
