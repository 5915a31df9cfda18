"""The voice: text to speech with word positions, over one socket a call. eSpeak NG lives in this process alone."""
