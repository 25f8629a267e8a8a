"""Run experiments, here or on a cluster."""
