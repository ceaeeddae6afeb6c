"""The page: a clip, a conversation about it, and what each answer is based on (Gradio)."""
