"""Fusing many readings into one: one file per rule."""
