"""`speech_affekt`, taught by the one corpus in the public domain: its weights may be used for anything."""

from affekt.encoders.speech_affekt import WEIGHTS, loading
from affekt.parts import Encoder

SHIPPED = WEIGHTS / "speech_affekt_free"
PART = Encoder(name="speech_affekt_free", modality="speech", load=loading(SHIPPED), shipped=SHIPPED, needs_folder=False)
