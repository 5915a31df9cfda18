"""The voice edge: sessions, engines, wires, the store and the command line."""
