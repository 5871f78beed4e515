"""Reads many YAML documents twice, as a host's configuration and with yaml.safe_load, which the contract's server reads its files
with. Each has to be the same JSON, or one line of error with file and line: never another meaning.

Usage: yaml_reading_test.py PROGRAM   (configuration_as_json)
"""

import json
import random
import re
import subprocess
import sys

import yaml

SCALARS = """
~ null Null NULL nULL none None true True TRUE tRUE false False FALSE yes Yes YES yES no No NO nO on On ON oN off Off OFF oFF
y Y n N t f 0 00 -0 +0 1 +1 -1 12 007 017 -017 +017 018 08 089 0o17 0O17 0x1f 0x1F 0X1F -0x1f +0x10 0x 0x_ 0x_f 0xg 0b101 -0b11
0b 0b_ 0b_1 0b2 0B1 1_000 1_ _1 1__0 0_ 0_7 0_8 -_1 1:30 1:30:00 190:20:30 1:60 1:5 1:59 1:99 01:30 08:30 0:30 -1:30 +1:30 1_0:30
1:30:61 12:30:45.5 1:30.5 1:30. 08:30.5 -1:30.25 1:3:5.125 1:30.5e+3 1:60.5 1. 1.0 -1.0 +1.5 .5 -.5 +.5 ._5 .5_0 1_0.5 1_.5 1._5 1.__
1e3 1E3 1e+3 1.e+3 1.0e3 1.0e+3 1.0E-3 -1.5e+10 1.0e+ .5e+3 .5e3 0.0 -0.0 0.1 1.7976931348623157e+308 1.0e+400 -1.0e+400 1.0e-400
5.0e-324 3.141592653589793 0.1_2 089.5 .inf .Inf .INF .iNF -.inf +.inf .nan .NaN .NAN .Nan +.nan -.nan inf nan . .. ... - -- + -.
2001-12-14 2001-1-1 2001-12-1 20011-12-14 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z 2001-1-1T1:00:00 2001-13-99
2001-12-14t21:59 2001-12 12:30:45 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
18446744073709551615 18446744073709551616 0x7fffffffffffffff 0xffffffffffffffff 0x10000000000000000 01777777777777777777777
999999999999999:59:59 123456789012345678901234567890 << = == <<< ! & * % @ ` | > ? : # , text a:b a#b 1.2.3 1,000 1-2 1+2 0.5.5
http://a/b?c=d#e @user:server "" '' "yes" 'no' "1" '017' "~" '<<' "=" "2001-12-14" "\\x41\\u00e9\\N\\_\\/" 'it''s' "a\\tb" "\\q" "\\0"
!!str !!str~ ٣ １ ½ ∞ tRue é 🙂
""".split()
SCALARS += [
    "2001-12-14 21:59:43", "2001-12-14 21:59:43.10 -5", "2001-12-14  21:59:43   Z", "2001-12-14 21:59", "a b", "1 2", "yes no",
    "!!str 1", "!!str yes", "!!str null", "!!str ''", "!!str \"\"", '!!int "3"', "!!int 3", "!!int 017", "!!int text", '!!int ""',
    "!!int 1.5", "!!float 3", "!!float 010", '!!float "1.5"', "!!float 1e3", "!!float x", "!!float .inf", "!!bool yes", "!!bool yEs",
    '!!bool "off"', "!!bool 1", "!!bool y", "!!null x", "!!null ~", '!!null ""', "!!binary aGVsbG8=", "!!timestamp 2001-12-14",
    "!!set {a, b}", "!!omap [a: 1, b: 2]", "!!pairs [a: 1]", "!!map {a: 1}", "!!seq [1, 2]", "!!map [1]", "!!seq {a: 1}",
    "!!str [1]", "!!str {a: 1}", "!!int [1]", "!!merge x", "!!value =", "!!python/name:os.system x", "!!python/object/apply:os.getcwd []",
    "!!python/none", "!!python/tuple [1]", "!secret x", "!secret null", "!secret", "!<tag:yaml.org,2002:int> 3", "!<x> 3", "! 3", '! "3"',
    "! yes", "! [1]", "! {a: 1}", "[]", "{}", "[1, yes, ~, 'no', 017]", "{a: yes, b: 1e3}", "[a: 1]", "[a: 1, b]", "[1,,2]", "[1,2,]",
    "{a, b}", "{a:1}", "{a: 1,}", "{,}", "[,]", '{"a":1}', "[x:y, z]", "[[[]]]", "[a, [b, {c: d}]]", "{? a : b}", "{a: }", "{: a}",
    "[<<]", "[=]", "{<<: {a: 1}, b: 2}", "{<<: [{a: 1}, {a: 2}]}", '{"<<": 1}', "{'<<': {a: 1}}", "{<<: 1}", "{<<: }", "{=: 1}",
    "*unknown", "&a x", "&a", "&a &b x", "[&a 1, *a]", "&a [*a]", "[&a 1, &a 2, *a]", "{&a b: *a}", "x # comment", "x #", "# comment",
    "- 1", "a: b", "[1", "{a: 1", "]", "}", "'open", '"open', "[1]]", "'a' b", "[1] 2", "x\ty", "x\t", "\tx", "x \t# comment", "[1,\t2]",
    "[1\t]", "{a:\t1}", "'a\tb'", '"a\tb"', "x\t# y", "|", ">", "|+", "|2", "|0", "| x", "x\u0085y", "x\u2028y", "\u00a0", "x\u00a0", "\ufeffx",
    "\u200b", "\ue000", "\ufffd", "\ufffe", "\uffff", "\U0001f600", "\x00", "x\x00y", "\x07", "\x1b[0m", "\x7f", "\x80", "\x9f", "\x0c",
    "!!int 1_000", "!!int 1:30", "!!bool tRuE", "!!float 1:30.5", "!!float -.5", '!!str\t1', "&a\tx", "!!null [1]", "!!bool [1]",
]  # fmt: skip

DOCUMENTS = [
    "", "\n", "# nothing\n", "---\n", "---", "...", "--- ~\n", "x", "- 1\n", "[a: 1]", "~", "--- {a: 1}", "--- a: 1", "---\na: 1\n...\n",
    "a: 1\n---\n", "a: 1\n---\nb: 2\n", "a: 1\n...\n", "a: 1\n...\nb: 2\n", "a: 1\n...\n---\n", "a: 1\n... # end\n", "a: 1\n--- x\n",
    "%YAML 1.1\n---\na: yes\n", "%YAML 1.2\n---\na: yes\n", "%YAML 2.0\n---\na: 1\n", "%FOO bar\n---\na: 1\n", "%TAG ! tag:yaml.org,2002:\n---\na: !str 1\n",
    "%TAG !e! tag:yaml.org,2002:\n---\na: !e!int '3'\n", "a: !e!int 3\n", "\ufeffa: 1\n", "a: 1\n\ufeffb: 2\n", "a: 1\nb: 2\na: 3\n",
    "a: 1\r\nb: yes\r\n", "a: 1\rb: 2\r", "a: 1\u0085b: 2\u2028c: 3", "a:\n- 1\n- 2\n", "a:\n  - 1\n   - 2\n", "a:\n    b: 1\n  c: 2\n",
    "  a: 1\n b: 2\n", "- a\n-b\n", "a: x\n  y\nb: 2\n", "a: x\n\n  y\n", "a: 'x\n\n  y'\n", "a: \"x\\\n  y\"\n", "a: \"x\ny\"\n", "a: |\n  x\n  y\nb: 1\n",
    "a: |-\n  x\n\n", "a: |+\n  x\n\n", "a: >\n  x\n   y\n  z\n\n  w\n", "a: >-\n  x\n\n\n  y\n", "a: |\n x\ny\n", "a: |2\n   x\n", "a: |\n\tx\n", "a: |\n  \tx\n",
    "a: |\t\n  x\n", "a: |\t# c\n  x\n", "a: | # c\n  x\n", "a: >1-\n  x\n", "a: |\n\n   \n  x\n", "a: |\n    \n  x\n", "a:\n\t- b\n", "a: b\n\tc: d\n", "a:\t1\n", "a :\t1\n", "a\t: 1\n",
    "a: 1\t\n", "a: 1\n\t\nb: 2\n", "\t\na: 1\n", "a: 1\n\t# comment\nb: 2\n", "a: 1 #\tcomment\n", "#\tcomment\na: 1\n", "-\ta: 1\n", "a:\n  -\tb\n",
    "a: [1,\n2\n, 3]\n", "a: [1,\n\t2]\n", "a: {b: 1,\n c: 2}\n", "a: {\nb: 1\n}\n", "a: {\n}\n", "a: [\n# c\n1]\n", "? a\n: 1\n", "? a\n", "? [a]\n: 1\n", "? {a: b}\n: 1\n", "[a]: 1\n",
    "{a: b}: 1\n", "? |\n  a\n: 1\n", '"a"\n: 1\n', "a\n: 1\n", "a: 1\n b: 2\n", "a: x\n b: y\n", "a b: 1\n", "a:b: 1\n", "'a': 1\n", "a : 1\n", ": 1\n", "a:\nb:\n", "a:\n\n\nb: 1\n",
    "1: x\n", "-1: x\n", "+1: x\n", "01: x\n", "0x1: x\n", "1_0: x\n", "1:30: x\n", "8008: x\n", "18446744073709551615: x\n", "18446744073709551616: x\n", "1.5: x\n", "yes: x\n", "true: x\n",
    "no: x\n", "on: x\n", "y: x\n", "null: x\n", "~: x\n", "2001-12-14: x\n", "=: x\n", '"=": x\n', '"1": x\n', "1: x\n'1': y\n", "'yes': x\n", "!!str 1: x\n", "!!int '1': x\n", "!!str yes: x\n", "!x y: z\n",
    "&k a: 1\nb: *k\n", "&k a: 1\n*k : 2\n", "a: &k b\n*k : 2\n", "a: &k 1\n*k : 2\n", "a: &k [1]\n*k : 2\n", "a: &x 1\nb: *x\n", "a: &x\n  b: 1\nc: *x\n", "a: *x\nb: &x 1\n", "a: &x 1\nb: &x 2\nc: *x\n",
    "a: &x [1, *x]\n", "a: &x {b: *x}\n", "a: &x {<<: *x}\n", "&r a: *r\n", "--- &r\na: *r\n", "--- &r\n<<: *r\na: 1\n", "a: &x y\nb: {*x : 1}\n", "a: &x y\nb: {*x: 1}\n", "a: &x-y_z 1\nb: *x-y_z\n", "a: &é 1\n", "a: &x.y 1\nb: *x.y\n",
    "a: &b {x: 1}\nc:\n  <<: *b\n  y: 2\n", "a: &b {x: 1}\nc: {x: 2, <<: *b}\n", "a: &b {x: 1}\nc: {<<: *b, x: 2}\n", "a: &b {x: 1, y: 1}\nd: &e {x: 2, z: 2}\nc: {<<: [*b, *e]}\nf: {<<: [*e, *b], z: 3}\n",
    "a: &b {x: 1}\nd: &e {<<: *b, y: 2}\nf: {<<: *e, z: 3}\ng: *e\n", "a: &b {x: 1}\nd: &e {x: 2}\nc: {<<: *b, <<: *e}\n", "a: &b {x: 1}\nd: &e {x: 2}\nc: {<<: *e, q: 0, <<: *b}\n", "a: &b [1]\nc: {<<: *b}\n", "a: &b x\nc: {<<: *b}\n",
    "a: &b {x: 1}\nc: {<<: [*b, 1]}\n", "a: &b {x: 1}\nc: {<<: [[*b]]}\n", "a: {<<: []}\n", "a: {<<: {}}\n", "a: &b {x: 1}\nc: {'<<': *b}\n", 'a: &b {x: 1}\nc: {"<<": *b}\n', "a: &b {x: 1}\nc: {!!str <<: *b}\n", "a: &b {x: 1}\nc: {!!merge k: *b}\n",
    "a: &b {x: 1}\n<<: *b\n", "<<: {x: 1}\nx: 2\n", "a: &b {x: {p: 1}}\nc: {<<: *b, x: {q: 2}}\n", "a: {<<: {x: 1, x: 2}}\n", "a: {<<: {1: x}}\n", "a: {<<: {yes: x}}\n", "a: &b {1: x}\nc: {<<: *b, '1': y}\n", "a: {<<: !!set {x}}\n", "a: {<<: ~}\n",
    "a: {<<: [{x: 1}, {x: 2}], <<: {x: 3}}\n", "a: {<<: {<<: {<<: {x: 1}, y: 1}, x: 2}}\n", "a: &b {<<: {x: 1}, y: 2}\nc: {<<: *b}\nd: {<<: [*b, {y: 3, z: 4}]}\n", "a: &l [{x: 1}, {y: 2}]\nc: {<<: *l}\n", "k: &k <<\na: {*k : {x: 1}}\n",
    "a: " + "[" * 30 + "]" * 30, "a: " + "[" * 64 + "]" * 64, "a: " + "[" * 65 + "]" * 65, "a: " + "[" * 5000, "a: " + "{b: " * 200, "x" * 1100 + ": 1\n", "a: " + "x" * 5000 + "\n",
    "a: {x: 1}}", "a: x]\n", "a: - b\n", "a: -\n", "a: b: c\n", "a: 'b': c\n", "a: ?x\n", "a: ? x\n", "a: 1 ---\n", "a: !!str\nb: 1\n", "a: !!map\n  b: 1\n", "a: !!seq\n- 1\n", "!!map\na: 1\n", "--- !!map {a: 1}\n", "--- !x {a: 1}\n", "--- !!set {a}\n",
    "modules:\n  - module: a.B\n    config: &c\n      enabled: on\n      at: 017\n  - module: a.C\n    config:\n      <<: *c\n      at: 1:30\n",
]  # fmt: skip

BYTES = [
    "a: 1\n".encode("utf-16"), "a: 1\n".encode("utf-16-be"), b"\xff\xfea\x00:\x00", b"\xfe\xff\x00a\x00:\x00 \x001", b"\xef\xbb\xbfa: yes\n", b"\xef\xbb\xbf", b"a: \xe9\n",
    b"a: 1\n# \xe9\n", b"a: \xc3\n", b"a: \xc3\xa9\n", b"a: \xed\xa0\x80\n", b"a: \xf4\x90\x80\x80\n", b"a: \xc0\x80\n", b"a: 1\n\x00", b"a: 1\x00", b"\x00", b"a: 1\n# \x00\n", b"a: 1\n...\n\x00", b"a: 1\n\xff",
]  # fmt: skip


def documents():
    """The tables, each scalar in each place, and seeded mixtures of pieces that mean something to YAML."""
    yield from BYTES
    for document in DOCUMENTS:
        yield document.encode()
    for scalar in SCALARS:
        for place in ("a: %s\n", "a: %s", "a:\n- %s\n- 1\n", "a: [%s, 1]\n", "a: {b: %s}\n", "%s: 1\n", "a: {%s: 1}\n", "a: !!str %s\n", "a:\n  %s\n", "a: &x %s\nb: *x\n"):
            yield (place % scalar).encode()
    chance = random.Random(1)
    numbers = "0123456789_:.-+eExbo"
    for _ in range(2000):
        yield ("a: " + "".join(chance.choice(numbers) for _ in range(chance.randint(1, 8))) + "\n").encode()
    pieces = ["a", "b", "1", "yes", ": ", ":", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", ",", "'", '"', "&x ", "*x", "<<", "!!str ", "! ", "|", ">", "\n  x", " ", "  ", "\t", "#", " # ", "~", "? ", "%", "---", "...", "\\", "0", "=", "é", "\r", "\u0085"]  # fmt: skip
    for _ in range(3000):
        yield ("a: " * chance.randint(0, 1) + "".join(chance.choice(pieces) for _ in range(chance.randint(1, 14)))).encode()
    for _ in range(1500):
        document = list(chance.choice(DOCUMENTS[40:-1]))
        for _ in range(chance.randint(1, 2)):
            document.insert(chance.randint(0, len(document)), chance.choice(pieces))
        yield "".join(document)[:3000].encode()


class Refused(Exception):
    """A document that YAML 1.1 gives no JSON."""


def as_json(value, above=()):
    if isinstance(value, (dict, list)) and any(value is other for other in above):
        raise Refused("circle")
    if isinstance(value, dict):
        # Keys of two types can be the same in JSON.
        result = {}
        for key, item in value.items():
            if isinstance(key, bool) or not isinstance(key, (str, int)) or str(key) in result:
                raise Refused("key")
            result[str(key)] = as_json(item, (*above, value))
        return result
    if isinstance(value, list):
        return [as_json(item, (*above, value)) for item in value]
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    raise Refused(type(value).__name__)


def meant_by(document):
    try:
        value = as_json(yaml.safe_load(document))
    except Exception as error:  # safe_load lets through what int() or date() throws
        raise Refused(str(error)) from error
    if not isinstance(value, dict):
        raise Refused("no mapping")
    return value


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (one != one and other != other)


def main():
    inputs = list(documents())
    digits = "".join(document.hex() + "\n" for document in inputs)
    answers = subprocess.run([sys.argv[1]], input=digits, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    if len(answers) != len(inputs):
        sys.exit(f"{len(answers)} answers to {len(inputs)} documents")
    equal = refused_by_both = wrong = 0
    refused_here = []
    for document, answer in zip(inputs, answers):
        try:
            expected = meant_by(document)
        except Refused as refusal:
            expected = refusal
        if answer.startswith("error "):
            if not re.fullmatch(r"error hs\.yaml:[1-9][0-9]*: \S.*", answer):
                wrong += 1
                print(f"{document!r}\n  isn't one line with file and line: {answer!r}")
            elif isinstance(expected, Refused):
                refused_by_both += 1
            else:
                refused_here.append((document, answer))
        elif isinstance(expected, Refused) or not same(json.loads(answer.removeprefix("value ")), expected):
            wrong += 1
            print(f"{document!r}\n  expected {expected!r}\n  read     {answer!r}")
        else:
            equal += 1
    print(f"{equal} equal, {refused_by_both} refused by both, {len(refused_here)} refused only here, {wrong} wrong")
    if "--refused" in sys.argv:
        for document, answer in refused_here:
            print(f"{document!r}\n  {answer}")
    # A reader that refuses everything has no other meanings either.
    if wrong or equal < 2000 or len(refused_here) > equal // 10:
        sys.exit(1)


main()
