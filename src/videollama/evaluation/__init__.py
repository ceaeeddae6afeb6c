"""Tasks with answers and the metrics that score them."""
