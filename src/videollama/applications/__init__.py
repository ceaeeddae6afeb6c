"""What is made of many questions to the engine: timed analyses and subtitles."""
