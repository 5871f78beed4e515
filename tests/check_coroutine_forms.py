#!/usr/bin/env python3
"""Finds the forms that GCC 12.2 miscompiles: statements with co_await that hold more than one named await can bear.

usage: check_coroutine_forms.py [--self-test] [FILE...]

Without files, every C++ source of the checkout that it lies in. The rule is libmodapi/docs/compilers.md's: one await per
statement, with named arguments. In a statement with co_await it refuses a second co_await, a braced initializer, a lambda with
captures and `?:`; anywhere it refuses a coroutine that is a lambda with captures, whose captures are gone when it resumes, unless it
is given to a member, as a callback is at registration: that keeps it.
"""

import pathlib
import re
import sys

PROJECT = pathlib.Path(__file__).resolve().parent.parent
HERE = pathlib.Path(__file__).resolve().parent

SECOND_AWAIT = "more than one co_await"
BRACES = "a braced initializer in a statement with co_await"
CAPTURES = "a lambda with captures in a statement with co_await"
CONDITIONAL = "?: in a statement with co_await"
CAPTURING_COROUTINE = "a coroutine that is a lambda with captures"

LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.S)
TOKENS = re.compile(r"[A-Za-z_]\w*|::|->|\d[\w.']*|\S")
# Before a `{` of code: what ends a condition, a signature or a keyword that opens a block.
BLOCK_KEYWORDS = {"else", "do", "try", "const", "noexcept", "override", "final", "mutable", "requires"}
LAMBDA_BEFORE = set("(,={[&|!?:;}<+") | {"return", "co_return", "co_await", "co_yield", "else", ""}


def blank(match):
    """Keeps the lines of what is no code."""
    return '""' * (match.group(0)[0] in "\"R'") + "\n" * match.group(0).count("\n")


class Token:
    __slots__ = ("text", "line", "pair")

    def __init__(self, text, line):
        self.text, self.line, self.pair = text, line, None


def tokens_of(source):
    source = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda match: "\n" * match.group(0).count("\n"), LITERALS.sub(blank, source),
                    flags=re.M)
    tokens, line, at = [], 1, 0
    for match in TOKENS.finditer(source):
        line += source.count("\n", at, match.start())
        at = match.start()
        tokens.append(Token(match.group(0), line))
    opened = []
    for index, token in enumerate(tokens):
        if token.text in "([{":
            opened.append(index)
        elif token.text in ")]}" and opened:
            begin = opened.pop()
            tokens[begin].pair, token.pair = index, begin
    return tokens


def text(tokens, index):
    return tokens[index].text if 0 <= index < len(tokens) else ""


def is_lambda(tokens, index):
    """Whether the `[` at index begins a lambda: no subscript, no attribute."""
    if tokens[index].pair is None or text(tokens, index + 1) == "[" or text(tokens, index - 1) == "[":
        return False
    if text(tokens, index - 1) not in LAMBDA_BEFORE:
        return False
    return text(tokens, tokens[index].pair + 1) in ("(", "{", "<", "mutable", "noexcept", "->")


def body_of_lambda(tokens, index):
    """The index of its `{`; none if it isn't found."""
    at = tokens[index].pair + 1
    while at < len(tokens) and tokens[at].text not in ("{", ";", ")", ","):
        at = tokens[at].pair + 1 if tokens[at].text in "([" and tokens[at].pair else at + 1
    return at if text(tokens, at) == "{" else None


def is_block(tokens, index, lambda_bodies):
    """Whether the `{` at index opens a block, a class or a namespace: no braced initializer."""
    if index in lambda_bodies:
        return True
    before = text(tokens, index - 1)
    if before in BLOCK_KEYWORDS or before in ("", ";", "{", "}"):
        return True
    if before == ")":
        opening = tokens[index - 1].pair
        return opening is not None and text(tokens, opening - 1) != "decltype"
    # A class, enum, union, namespace, or a function with a trailing return type: its statement says so.
    at = index - 1
    while at >= 0 and tokens[at].text not in (";", "{", "}"):
        if tokens[at].text in ("class", "struct", "union", "enum", "namespace", "concept", "extern"):
            return True
        if tokens[at].text == "->" and text(tokens, at - 1) in (")", "const", "noexcept"):
            return True
        if tokens[at].text in ("=", "co_await", "co_return", "return", "co_yield"):
            return False
        at = tokens[at].pair - 1 if tokens[at].text in ")]" and tokens[at].pair is not None else at - 1
    return False


def statements(tokens, lambda_bodies):
    """Every statement as a list of indexes, without the blocks inside; a condition in parentheses is one of its own."""
    open_statements, finished = [[]], []
    blocks = []
    for index, token in enumerate(tokens):
        if token.text == "{" and is_block(tokens, index, lambda_bodies):
            blocks.append(index)
            if index not in lambda_bodies:  # a lambda's statement goes on behind its body
                finished.append(open_statements.pop())
                open_statements.append([])
            open_statements.append([])
        elif token.text == "}" and blocks and token.pair == blocks[-1]:
            blocks.pop()
            finished.append(open_statements.pop())
        elif token.text == ";":
            # The parts of a for(;;) are separate full expressions too.
            finished.append(open_statements.pop())
            open_statements.append([])
        else:
            open_statements[-1].append(index)
            if token.text == ")" and token.pair is not None and text(tokens, token.pair - 1) in ("if", "for", "while", "switch"):
                finished.append(open_statements.pop())
                open_statements.append([])
    return finished + open_statements


def is_trivial_braces(tokens, index):
    """`{}` makes an empty value, and is fine."""
    return tokens[index].pair == index + 1


def is_given_to_a_member(tokens, index):
    """`.check_event_for_spam = [this](...)`, `registration.check_event_for_spam = [this](...)`: a slot keeps the lambda."""
    return index > 2 and tokens[index - 1].text == "=" and tokens[index - 3].text in (".", "->")


def findings(source):
    """(line, reason) in order."""
    tokens = tokens_of(source)
    lambdas, lambda_bodies = [], set()
    for index, token in enumerate(tokens):
        if token.text == "[" and is_lambda(tokens, index):
            body = body_of_lambda(tokens, index)
            if body is not None and tokens[body].pair is not None:
                lambdas.append((index, body))
                lambda_bodies.add(body)
    found = []
    for index, body in lambdas:
        nested = [(begin, tokens[begin].pair) for _, begin in lambdas if body < begin < tokens[body].pair]
        own = [at for at in range(body, tokens[body].pair) if not any(begin < at < end for begin, end in nested)]
        if tokens[index].pair > index + 1 and not is_given_to_a_member(tokens, index) and any(tokens[at].text in ("co_await", "co_return", "co_yield") for at in own):
            found.append((tokens[index].line, CAPTURING_COROUTINE))
    captures = {index for index, _ in lambdas if tokens[index].pair > index + 1}
    for statement in statements(tokens, lambda_bodies):
        words = [tokens[index].text for index in statement]
        awaits = words.count("co_await") - (words[:2] == ["operator", "co_await"])
        if awaits < 1 or "operator" in words:
            continue
        line = tokens[statement[0]].line
        if awaits > 1:
            found.append((line, SECOND_AWAIT))
        if any(tokens[index].text == "{" and not is_trivial_braces(tokens, index) for index in statement):
            found.append((line, BRACES))
        if any(index in captures for index in statement):
            found.append((line, CAPTURES))
        if "?" in words:
            found.append((line, CONDITIONAL))
    return sorted(found)


def check(paths):
    wrong = 0
    for path in paths:
        for line, reason in findings(path.read_text()):
            wrong += 1
            print("%s:%d: %s" % (path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path, line, reason))
    return wrong


def self_test():
    """Every line that is marked `// expect: REASON` is found, and nothing else."""
    wrong = 0
    for path in sorted((HERE / "coroutine_forms").glob("*.cpp")):
        source = path.read_text()
        expected = sorted((number, reason.strip()) for number, line in enumerate(source.splitlines(), 1)
                          for reason in re.findall(r"// expect: ([^;\n]*)", line))
        found = findings(source)
        if not expected or found != expected:
            wrong += 1
            print("%s: missed %s, found beside it %s" % (path.name, sorted(set(expected) - set(found)), sorted(set(found) - set(expected))))
    return wrong


def sources():
    for floor in ("libasync", "callbacks", "libmodapi", "examples", "tests", "bench"):
        for path in sorted((PROJECT / floor).rglob("*")):
            if path.suffix in (".h", ".cpp") and "coroutine_forms" not in path.parts:
                yield path


given = sys.argv[1:]
is_checkout = (HERE / "coroutine_forms").is_dir()
if given == ["--self-test"] and is_checkout:
    sys.exit(1 if self_test() else 0)
if not is_checkout and (not given or given[0].startswith("-")):
    sys.exit("usage: check_coroutine_forms.py FILE...")
sys.exit(1 if check([pathlib.Path(name).resolve() for name in given] or sources()) else 0)
