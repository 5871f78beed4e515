import ldap3_that_nobody_has  # noqa: F401


class Imports:
    pass
