"""What the orchestrator keeps by itself: timers, reminders and notes, in Postgres."""
