"""`log_linear`, learned from corpora that may be used for anything; it knows of text and speech alone."""

from affekt.fusion import _learned
from affekt.fusion.log_linear import rule

PART = rule(_learned.FREE, name="log_linear_free")
