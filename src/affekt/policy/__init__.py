"""Purposes, consent, redaction, retention: what may be read, of whom, and what may be kept."""
