"""`log_linear`, learned from corpora that may be used for anything; it knows of text and speech alone."""

from affekt.fusion import _learned
from affekt.fusion.log_linear import rule

PART = rule(_learned.SHIPPED.with_name("fusion_log_linear_free"), name="log_linear_free")
