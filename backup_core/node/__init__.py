"""The ScyllaDB node: the only place that speaks to it, and the only one that knows its clients' exceptions."""
