"""Two stages on two branches: recipes, data, feature cache and the trainer."""
