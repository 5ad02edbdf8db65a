"""A stand-in for a ScyllaDB node on loopback: Alternator, CQL, the REST API and a data directory, in plain Python.

It answers like recordings of real nodes, which it never reads: the conformance tests compare its answers with them.
"""
