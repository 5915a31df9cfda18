"""What every service shares: settings, logs, health, problems, ids, the way to a database, and how to serve."""
