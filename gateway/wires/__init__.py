"""Wires: how clients reach a call, one protocol a folder."""
