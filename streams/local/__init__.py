"""The stack on one machine: broker, supervisor, free ports, child processes that never outlive us."""
