package main

import (
	"reflect"
	"testing"
)

func TestParseListenVariables(t *testing.T) {
	const pid = 42
	for name, test := range map[string]struct {
		env   map[string]string
		names []string
		fails bool
	}{
		"nothing passed":         {env: map[string]string{}},
		"another process's":      {env: map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": "41"}},
		"one without a name":     {env: map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": "42"}, names: []string{"unknown"}},
		"two with names":         {env: map[string]string{"LISTEN_FDS": "2", "LISTEN_PID": "42", "LISTEN_FDNAMES": "http:metrics"}, names: []string{"http", "metrics"}},
		"an empty name":          {env: map[string]string{"LISTEN_FDS": "2", "LISTEN_PID": "42", "LISTEN_FDNAMES": ":metrics"}, names: []string{"", "metrics"}},
		"fewer names than fds":   {env: map[string]string{"LISTEN_FDS": "2", "LISTEN_PID": "42", "LISTEN_FDNAMES": "http"}, fails: true},
		"a count that is none":   {env: map[string]string{"LISTEN_FDS": "x", "LISTEN_PID": "42"}, fails: true},
		"a count below zero":     {env: map[string]string{"LISTEN_FDS": "-1", "LISTEN_PID": "42"}, fails: true},
		"damaged, but not ours":  {env: map[string]string{"LISTEN_FDS": "x", "LISTEN_PID": "41"}},
		"a process id with rest": {env: map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": "42x"}},
	} {
		t.Run(name, func(t *testing.T) {
			count, names, err := parseListenVariables(func(key string) string { return test.env[key] }, pid)
			if (err != nil) != test.fails {
				t.Fatalf("error: wanted %v, found %v", test.fails, err)
			}
			if count != len(test.names) || !reflect.DeepEqual(names, test.names) {
				t.Errorf("wanted %q, found %d %q", test.names, count, names)
			}
		})
	}
}
