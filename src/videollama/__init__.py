"""Ask questions about videos, by what is seen and what is heard."""

__version__ = "0.1.0"
