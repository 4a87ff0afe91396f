"""The emulator's side: games, preprocessing, environments and the evaluation protocol."""
