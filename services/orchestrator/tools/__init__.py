"""The tools that come along. Each answers a question that can be checked."""
