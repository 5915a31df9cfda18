"""Where sessions are found over REST: for the routes, and for what tells others where to call back."""

BASE = "/api/mas/voice"
ONE = f"{BASE}/sessions/{{session_id}}"
SAY = f"{ONE}/say"
