"""Model families that can be trained, one file each: <modality>_<family>.py, found by its name."""
