"""The Lübeck Companion: the methods of seventeen papers, and what runs, records and shows them."""

__version__ = "0.1.0"
