"""Mimi, the codec of the Moshi family: 80 ms of sound are eight codes, and eight codes are 80 ms of sound.

Both ways stream: `mimi` runs frames of many slots, each with a state of its own. The way in is `seanet`, `transformer`,
a step from two positions a frame to one, `quantizer`; the way out is the same backwards.
"""
