"""Forms of the subsidy, a module a theme."""
