"""Training: recipes, the loop, validation and resumable runs."""
