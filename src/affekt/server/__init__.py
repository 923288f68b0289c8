"""Emotion as a service: HTTP and WebSocket."""
