"""Everything the viewer computes with; knows nothing of `viewer` or `train`."""
