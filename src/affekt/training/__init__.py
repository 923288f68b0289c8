"""Training: torch models and the loops that fit them; needs the `train` extra, and the pipeline never imports it."""
