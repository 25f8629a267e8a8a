"""The model: where it comes from, how it is loaded, how a plan is run on it. Only here is torch imported."""
