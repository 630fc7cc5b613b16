"""The network without torch: a file that ``melody export`` writes, and the engine that runs it with ONNX Runtime and numpy."""
