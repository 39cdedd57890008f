# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a language server where a name is defined, as an editor does. Runs on a host.

Prints one JSON object. Usage: language_client.py SERVER FILE LINE COLUMN, both counted from 0.
"""

import json
import pathlib
import subprocess
import sys


def send(server, message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    server.stdin.flush()


def receive(server):
    length = 0
    for line in iter(server.stdout.readline, b"\r\n"):
        if not line:
            raise SystemExit("the server has ended")
        name, dummy, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(server.stdout.read(length))


def ask(server, number, method, params):
    send(server, {"id": number, "method": method, "params": params})
    while True:
        message = receive(server)
        if message.get("id") == number and "method" not in message:
            return message
        if "id" in message:  # a question of the server's own
            send(server, {"id": message["id"], "result": None})


def main():
    program, path, line, column = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    uri = path.as_uri()
    root = path.parent.as_uri()
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        folders = [{"uri": root, "name": "root"}]
        started = ask(
            server,
            1,
            "initialize",
            {"processId": None, "rootUri": root, "workspaceFolders": folders, "capabilities": {}},
        )
        send(server, {"method": "initialized", "params": {}})
        document = {"uri": uri, "languageId": "go", "version": 1, "text": path.read_text()}
        send(server, {"method": "textDocument/didOpen", "params": {"textDocument": document}})
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}
        answer = ask(server, 2, "textDocument/definition", place)
        ask(server, 3, "shutdown", None)
        send(server, {"method": "exit"})
    print(json.dumps({"server": started["result"]["serverInfo"]["name"], "definition": answer}))


if __name__ == "__main__":
    main()
