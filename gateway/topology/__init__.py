"""What lives on this gateway now, as a graph: who is there, how they fare, and which way each call goes."""
