"""What runs Python modules beside a homeserver: the process at the other end of its socket. PROTOCOL.md says what is said there."""
