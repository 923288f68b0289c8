"""The database and the cache of weights with checksums."""
