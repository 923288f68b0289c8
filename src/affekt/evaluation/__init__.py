"""Judging a model against labelled rows: metrics, their uncertainty, and what the rows must look like."""
