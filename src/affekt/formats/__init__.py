"""The ways out: one file per format; those that can be read back give the same timeline."""
