class Missing(Exception):
    """The peer has no such op or argument."""
