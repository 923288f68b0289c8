"""The same job on Ray, when one machine is not enough."""
