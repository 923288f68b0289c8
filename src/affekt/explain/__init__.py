"""Why a reading says what it says."""
