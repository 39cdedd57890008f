#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_proxy_info
short_description: Find out why a host cannot fetch Go modules
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Requests one module from each entry of C(GOPROXY), and from the checksum database of C(GOSUMDB), like the go command of a
    user. It names the layer that failed, from the name server to the answer.
  - Returns which entries go tries, and where it stops. After a comma, go tries the next entry only on 404 and 410. After C(|),
    go tries it on every error.
  - Needs no Go. It opens connections, but writes nothing. Each step waits for at most O(timeout).
  - The advice never turns off a check.
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
options:
  module:
    description: The module to request, optionally with C(@version).
    type: str
    default: golang.org/x/text
  user:
    description: The user whose settings and C(.netrc) are used. The default is the user that the module runs as.
    type: str
  goproxy:
    description: A value of C(GOPROXY) to try instead of the setting.
    type: str
  gosumdb:
    description: A value of C(GOSUMDB) to try instead of the setting.
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
    description: Seconds for each step. The steps are the name lookup, the connection, and each read.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Check whether the user ci can fetch modules
  gofleet.hosts.go_proxy_info:
    user: ci
  register: fetching

- name: Try a proxy before you set it
  gofleet.hosts.go_proxy_info:
    module: corp.example.org/team/tool@v1.4.0
    goproxy: https://goproxy.example.org
  register: fetching
  failed_when: fetching.modules.kind != 'answered'
"""

RETURN = r"""
modules:
  description:
    - The result of go when it fetches the module.
    - C(kind) is V(answered), or the cause of a failure. The causes are V(syntax), V(off), V(dns), V(refused), V(unreachable),
      V(timeout), V(broken), V(tls), V(tls_unknown_authority), V(tls_expired), V(tls_not_yet_valid), V(tls_wrong_name),
      V(tls_certificate), V(proxy_address), V(proxy_unspoken) (a proxy with TLS or SOCKS, which go can use but this module
      cannot), V(proxy_login) (407), V(proxy_refused), V(login) (401, 403), V(not_found) (404, 410), V(status), V(redirects),
      V(page) (a web page, such as that of a captive portal), V(not_a_proxy), V(file), V(no_git) and V(no_import).
  returned: success
  type: dict
  sample:
    subject: https://goproxy.example.org
    kind: tls_unknown_authority
    found: "the certificate of goproxy.example.org:443 is not valid: unable to get local issuer certificate"
    remedy: Install the certificate of the authority on this host (update-ca-certificates).
proxies:
  description:
    - The same for each entry of C(GOPROXY).
    - C(reached) is whether go tries the entry. C(next_on) names the errors after which go tries the next entry.
  returned: success
  type: list
  elements: dict
  sample:
    - subject: https://goproxy.example.org
      kind: not_found
      found: goproxy.example.org answers 404 Not Found
      remedy: Check the path and the version of golang.org/x/text.
      next_on: 404 and 410
      reached: true
database:
  description:
    - The same for the checksum database, which is used through a proxy if the proxy supports it.
    - C(kind) can also be V(private) (not used for this module), V(database_off), V(not_a_database) and V(other_key).
  returned: success
  type: dict
  sample: {subject: "https://sum.golang.org", kind: answered, found: sum.golang.org answers 200 OK, remedy: Nothing to do.}
private:
  description: Whether C(GONOPROXY) or C(GOPRIVATE) matches the module, so that no proxy is used.
  returned: success
  type: bool
  sample: false
settings:
  description: The settings that were used, with their source, which is V(option), V(environment) or the path of a file.
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
