"""The languages that people write and read: one file of words each, and the scripts of questions.

A new language of the page and of the command is one more file here, `<code>.toml`.
"""
