"""In the place of the bridge's own: does what a test sends, one JSON text of Python code for each line, and answers with `result`.

An exception is answered as its class's name and its text.
"""

import json
import os
import socket
import sys

connection = socket.socket(fileno=int(sys.argv[1]))
connection.setblocking(True)
names = {"os": os, "sys": sys, "connection": connection}
for line in connection.makefile("r", encoding="utf-8"):
    names["result"] = None
    try:
        exec(json.loads(line), names)
        answer = names["result"]
    except BaseException as error:
        answer = "%s: %s" % (type(error).__name__, error)
    connection.sendall(json.dumps(answer).encode() + b"\n")
