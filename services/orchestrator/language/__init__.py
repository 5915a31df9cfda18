"""What people say, and what it means: words, phrases, and typed slots. No I/O."""
