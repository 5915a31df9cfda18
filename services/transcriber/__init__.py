"""The ears: voice activity and streaming recognition, over one socket a call."""
