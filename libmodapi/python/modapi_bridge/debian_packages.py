"""Which package of Debian has what published modules import."""

from typing import Optional

_PACKAGES = {
    "OpenSSL": "python3-openssl",
    "PIL": "python3-pil",
    "ahocorasick": "python3-ahocorasick",
    "alembic": "python3-alembic",
    "attr": "python3-attr",
    "attrs": "python3-attr",
    "authlib": "python3-authlib",
    "boto3": "python3-boto3",
    "cachetools": "python3-cachetools",
    "canonicaljson": "python3-canonicaljson",
    "cryptography": "python3-cryptography",
    "emoji": "python3-emoji",
    "frozendict": "python3-frozendict",
    "jinja2": "python3-jinja2",
    "jsonschema": "python3-jsonschema",
    "jwcrypto": "python3-jwcrypto",
    "ldap3": "python3-ldap3",
    "matrix_common": "python3-matrix-common",
    "mwoauth": "python3-mwoauth",
    "packaging": "python3-packaging",
    "pam": "python3-pampy",
    "phonenumbers": "python3-phonenumbers",
    "pkg_resources": "python3-pkg-resources",
    "prometheus_client": "python3-prometheus-client",
    "psycopg2": "python3-psycopg2",
    "pydantic": "python3-pydantic",
    "pymacaroons": "python3-pymacaroons",
    "pyrad": "python3-pyrad",
    "qrcode": "python3-qrcode",
    "requests": "python3-requests",
    "saml2": "python3-pysaml2",
    "sentry_sdk": "python3-sentry-sdk",
    "signedjson": "python3-signedjson",
    "six": "python3-six",
    "sqlalchemy": "python3-sqlalchemy",
    "treq": "python3-treq",
    "twisted": "python3-twisted",
    "typing_extensions": "python3-typing-extensions",
    "unpaddedbase64": "python3-unpaddedbase64",
    "whoosh": "python3-whoosh",
    "yaml": "python3-yaml",
}


def package_with(module: str) -> Optional[str]:
    """The package that a module is in, if it is known."""
    return _PACKAGES.get(module.partition(".")[0])
