"""The label sets: one file each, with names, paper and projections onto coarser sets."""
