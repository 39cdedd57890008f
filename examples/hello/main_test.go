package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test binary be the service itself, for the tests that need a process to replace.
func TestMain(m *testing.M) {
	if os.Getenv("HELLO_TEST_CHILD") == "1" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestPaths(t *testing.T) {
	for name, test := range map[string]struct {
		failHealth, separateMetrics bool
		socket, method, path        string
		code                        int
		body                        string
	}{
		"greeting":                     {path: "/", code: 200, body: "hello from "},
		"version":                      {path: "/", code: 200, body: ", version dev\n"},
		"a wait":                       {path: "/?wait=1ms", code: 200, body: "hello from "},
		"a wait too long":              {path: "/?wait=1h", code: 400, body: "wanted a duration"},
		"a wait that is none":          {path: "/?wait=soon", code: 400, body: "wanted a duration"},
		"healthy":                      {path: "/healthz", code: 200, body: "ok\n"},
		"unhealthy on request":         {failHealth: true, path: "/healthz", code: 503, body: "failing on request"},
		"serving while unhealthy":      {failHealth: true, path: "/", code: 200},
		"metrics":                      {path: "/metrics", code: 200, body: "hello_build_info"},
		"no such path":                 {path: "/nowhere", code: 404},
		"no such method":               {method: "POST", path: "/", code: 405},
		"metrics moved to their own":   {separateMetrics: true, path: "/metrics", code: 404},
		"metrics on their own socket":  {separateMetrics: true, socket: "metrics", path: "/metrics", code: 200},
		"health on the metrics socket": {separateMetrics: true, socket: "metrics", path: "/healthz", code: 200},
		"only those there":             {separateMetrics: true, socket: "metrics", path: "/", code: 404},
	} {
		t.Run(name, func(t *testing.T) {
			if test.method == "" {
				test.method = http.MethodGet
			}
			answer := httptest.NewRecorder()
			newService(test.failHealth, test.separateMetrics).handler(test.socket).ServeHTTP(answer, httptest.NewRequest(test.method, test.path, nil))
			if answer.Code != test.code || !strings.Contains(answer.Body.String(), test.body) {
				t.Errorf("wanted %d with %q, found %d with %q", test.code, test.body, answer.Code, answer.Body)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	var out bytes.Buffer
	if status := run([]string{"-version"}, &out, io.Discard); status != 0 || !strings.HasPrefix(out.String(), "hello dev go") {
		t.Errorf("-version: status %d, %q", status, out.String())
	}
	if status := run([]string{"-no-such-flag"}, &out, io.Discard); status != 2 {
		t.Errorf("an unknown flag: wanted status 2, found %d", status)
	}
	if status := run([]string{"-listen", "192.0.2.1:1"}, &out, io.Discard); status != 1 {
		t.Errorf("an address that is not ours: wanted status 1, found %d", status)
	}
	t.Setenv("HELLO_FAIL_HEALTH", "1")
	if settings, err := parseFlags(nil, io.Discard); err != nil || !settings.failHealth {
		t.Errorf("HELLO_FAIL_HEALTH=1: found %+v, %v", settings, err)
	}
}
