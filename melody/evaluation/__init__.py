"""What a model is worth, measured: likelihood, calibration, musical statistics beside the real ones, copies, surprise, runs."""
