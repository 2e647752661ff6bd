"""MIOpen, which kagari does not use."""


def is_available():
    """False"""
    return False


immediate = False
