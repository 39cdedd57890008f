#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_proxy_info
short_description: Why Go modules do not come to a host
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Asks each entry of C(GOPROXY) and the checksum database of C(GOSUMDB) for one module, as the go command of a user would, and names the
    layer at fault, from the name server to the answer.
  - Tells which entry go comes to and where it stops. After a comma the next one is asked on 404 and 410 alone, after C(|) on every error.
  - Needs no Go. Opens connections, writes nothing. Each step waits for at most O(timeout).
  - A remedy never turns off a check.
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
options:
  module:
    description: The module to ask for, perhaps with C(@version).
    type: str
    default: golang.org/x/text
  user:
    description: The user whose settings and C(.netrc) count. The one that the module runs as if not given.
    type: str
  goproxy:
    description: A list to try in place of the one that is set.
    type: str
  gosumdb:
    description: A checksum database to try in place of the one that is set.
    type: str
  machine_file:
    description: The file with variables for all users, as in M(gofleet.hosts.go_env).
    type: path
    default: /etc/environment
  goroot:
    description: The tree of the release whose C(go.env) has the defaults.
    type: path
    default: /usr/local/lib/go/current
  timeout:
    description: Seconds for each step, which are the name, the connection, and each read.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: See whether builds of the user ci can fetch modules
  gofleet.hosts.go_proxy_info:
    user: ci
  register: fetching

- name: Try a proxy before it is set
  gofleet.hosts.go_proxy_info:
    module: corp.example.org/team/tool@v1.4.0
    goproxy: https://goproxy.example.org
  register: fetching
  failed_when: fetching.modules.kind != 'answered'
"""

RETURN = r"""
modules:
  description:
    - What go ends with when it fetches the module.
    - C(kind) is V(answered), or the cause, one of V(syntax), V(off), V(dns), V(refused), V(unreachable), V(timeout), V(broken), V(tls),
      V(tls_unknown_authority), V(tls_expired), V(tls_not_yet_valid), V(tls_wrong_name), V(tls_certificate), V(proxy_address),
      V(proxy_unspoken) (a proxy by TLS or SOCKS, which go can use and this module cannot), V(proxy_login) (407), V(proxy_refused),
      V(login) (401, 403), V(not_found) (404, 410), V(status), V(redirects), V(page) (a web page, as captive portals send it),
      V(not_a_proxy), V(file), V(no_git) and V(no_import).
  returned: success
  type: dict
  sample:
    subject: https://goproxy.example.org
    kind: tls_unknown_authority
    found: "the certificate of goproxy.example.org:443 does not hold: unable to get local issuer certificate"
    remedy: Install the authority's certificate on this host (update-ca-certificates).
proxies:
  description: The same for each entry of C(GOPROXY), with C(reached) (whether go comes to it) and C(next_on) (which errors pass on).
  returned: success
  type: list
  elements: dict
  sample:
    - subject: https://goproxy.example.org
      kind: not_found
      found: goproxy.example.org answers 404 Not Found
      remedy: Check path and version of golang.org/x/text.
      next_on: 404 and 410
      reached: true
database:
  description:
    - The same for the checksum database, which is asked through a proxy that offers it. Further kinds are V(private) (not asked for this
      module), V(database_off), V(not_a_database) and V(other_key).
  returned: success
  type: dict
  sample: {subject: "https://sum.golang.org", kind: answered, found: sum.golang.org answers 200 OK, remedy: Nothing to do.}
private:
  description: Whether C(GONOPROXY) or C(GOPRIVATE) has the module, so that no proxy is asked.
  returned: success
  type: bool
  sample: false
settings:
  description: The settings that counted, with their origin, V(option), V(environment) or the path of a file.
  returned: success
  type: dict
  sample: {GOSUMDB: {value: sum.golang.org, source: /usr/local/lib/go/current/go.env}}
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._go_command.proxy_info import read_go_proxy_info

SPEC = {
    "module": {"type": "str", "default": "golang.org/x/text"},
    "user": {"type": "str"},
    "goproxy": {"type": "str"},
    "gosumdb": {"type": "str"},
    "machine_file": {"type": "path", "default": "/etc/environment"},
    "goroot": {"type": "path", "default": "/usr/local/lib/go/current"},
    "timeout": {"type": "int", "default": 5},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        report, secrets = read_go_proxy_info(module.params, environment=os.environ)
        module.no_log_values.update(secrets)
        module.exit_json(changed=False, **report)
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
