"""From a raw signal to what an encoder takes: one file per modality."""
