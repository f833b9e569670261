"""Every write of the vehicles' room; one module a use case."""
