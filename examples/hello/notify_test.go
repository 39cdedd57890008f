package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// supervise listens as systemd does and returns what arrives.
func supervise(t *testing.T, address string) <-chan string {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	messages := make(chan string, 100)
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			messages <- string(buffer[:n])
		}
	}()
	return messages
}

// next fails the test when nothing arrives.
func next(t *testing.T, messages <-chan string) string {
	t.Helper()
	select {
	case message := <-messages:
		return message
	case <-time.After(20 * time.Second):
		t.Fatal("the supervisor heard nothing for 20 s")
		return ""
	}
}

func TestNotifySpeaksToPathsAndAbstractSockets(t *testing.T) {
	for name, address := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": fmt.Sprintf("@hello-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			messages := supervise(t, address)
			t.Setenv("NOTIFY_SOCKET", address)
			t.Setenv("WATCHDOG_USEC", "20000")
			t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
			systemd, err := newNotifier()
			if err != nil {
				t.Fatal(err)
			}
			defer systemd.close()
			for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
				if _, ok := os.LookupEnv(name); ok {
					t.Errorf("%s is still set for children", name)
				}
			}
			systemd.ready("serving")
			if got := next(t, messages); got != "READY=1\nSTATUS=serving" {
				t.Errorf("ready: found %q", got)
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			go systemd.watchdog(ctx)
			for range 3 {
				if got := next(t, messages); got != "WATCHDOG=1" {
					t.Errorf("watchdog: found %q", got)
				}
			}
		})
	}
}

func TestKeepPassesTheSocketOn(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	supervisor, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer supervisor.Close()
	t.Setenv("NOTIFY_SOCKET", address)
	systemd, err := newNotifier()
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.close()
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := systemd.keep("listen", own); err != nil {
		t.Fatal(err)
	}
	text, rights := make([]byte, 100), make([]byte, 100)
	size, rightsSize, _, _, err := supervisor.ReadMsgUnix(text, rights)
	if err != nil || string(text[:size]) != "FDSTORE=1\nFDNAME=listen" {
		t.Fatalf("found %q, %v", text[:size], err)
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:rightsSize])
	if err != nil || len(messages) != 1 {
		t.Fatalf("wanted one message, found %d, %v", len(messages), err)
	}
	kept, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(kept) != 1 {
		t.Fatalf("wanted one descriptor, found %v, %v", kept, err)
	}
	where := own.Addr().String()
	own.Close()
	next, err := takeOver(kept[0], "listen")
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := net.Dial("tcp", where); err != nil {
		t.Errorf("the socket ended with the process that opened it: %v", err)
	}
}

func TestNotifyWithoutSupervisorIsSilent(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	systemd, err := newNotifier()
	if err != nil {
		t.Fatal(err)
	}
	systemd.ready("x")
	systemd.watchdog(context.Background())
	systemd.stopping("x")
	systemd.close()
}

func TestParseWatchdogVariables(t *testing.T) {
	for name, test := range map[string]struct {
		usec, pid string
		within    time.Duration
		fails     bool
	}{
		"none":              {},
		"ours":              {usec: "30000000", pid: "42", within: 30 * time.Second},
		"for any process":   {usec: "30000000", within: 30 * time.Second},
		"another process's": {usec: "30000000", pid: "41"},
		"not a number":      {usec: "soon", pid: "42", fails: true},
		"zero":              {usec: "0", pid: "42", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"WATCHDOG_USEC": test.usec, "WATCHDOG_PID": test.pid}
			within, err := parseWatchdogVariables(func(key string) string { return env[key] }, 42)
			if within != test.within || (err != nil) != test.fails {
				t.Errorf("wanted %s, found %s, %v", test.within, within, err)
			}
		})
	}
}
