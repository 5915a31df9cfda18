"""The gateway under load: what is measured, what it is measured with, and the relay that it is held against."""
