# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request loop that runs on a host: how many requests were answered, and how each other one failed.

Prints one JSON object. Usage: load.py URL SECONDS CLIENTS STOP PAUSE; it ends after SECONDS, or when
the file STOP exists. Each client waits for PAUSE seconds after an answer.
"""

import collections
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse

ANSWERED = collections.Counter()
FAILED = []


def ask(url, deadline, stop, pause):
    place = urllib.parse.urlsplit(url)
    while time.monotonic() < deadline and not os.path.exists(stop):
        # A connection each, as from many clients: every one has to pass the listening socket.
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
        try:
            connection.request("GET", place.path or "/", headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read().decode()
            if answer.status == http.client.OK:
                ANSWERED[body.strip()] += 1
            else:
                FAILED.append(f"status {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            FAILED.append(repr(error))
        finally:
            connection.close()
        time.sleep(pause)


def main():
    url, seconds, clients, stop, pause = sys.argv[1:]
    deadline = time.monotonic() + float(seconds)
    threads = [
        threading.Thread(target=ask, args=(url, deadline, stop, float(pause)))
        for dummy in range(int(clients))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"answered": dict(ANSWERED), "failed": FAILED}))


if __name__ == "__main__":
    main()
