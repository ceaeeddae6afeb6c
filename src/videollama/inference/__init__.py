"""The engine behind every verb: load once, ask, chat, stream, caption."""
