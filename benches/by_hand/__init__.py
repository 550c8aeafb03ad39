"""The parts of `benches/by-hand`."""
