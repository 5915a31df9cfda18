"""The engine of PersonaPlex and other models of the Moshi family: it hears and speaks at the same time."""
