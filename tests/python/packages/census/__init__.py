"""The sixty names that published modules import most, each used as they use it, in four modules that a real server runs."""
