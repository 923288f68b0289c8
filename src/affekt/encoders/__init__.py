"""The encoders: one file per model family, from clips to raw outputs."""
