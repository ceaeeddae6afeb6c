"""Weights: finding, checking, loading, converting and fetching them."""
