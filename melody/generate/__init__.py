"""Sampling: plans, constraints, engines and the loop that writes events. Knows events, not Scores."""
