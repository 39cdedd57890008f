package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// notifier speaks the protocol of sd_notify(3): datagrams of NAME=value lines to the socket in NOTIFY_SOCKET.
type notifier struct {
	conn   *net.UnixConn // nil: not started by a supervisor that listens
	within time.Duration // the supervisor expects WATCHDOG=1 within this time; 0: it does not
}

// newNotifier reads the variables of the protocol and removes them, so that no child process sends messages for this one.
func newNotifier() (*notifier, error) {
	address := os.Getenv("NOTIFY_SOCKET")
	within, err := parseWatchdogVariables(os.Getenv, os.Getpid())
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		os.Unsetenv(name)
	}
	if err != nil {
		return nil, err
	}
	if address == "" {
		return &notifier{}, nil
	}
	// A name with a leading @ is an abstract socket, for Go as for systemd.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	return &notifier{conn: conn, within: within}, nil
}

// parseWatchdogVariables returns the time within which this process has to send WATCHDOG=1, or 0.
func parseWatchdogVariables(getenv func(string) string, pid int) (time.Duration, error) {
	text := getenv("WATCHDOG_USEC")
	if text == "" {
		return 0, nil
	}
	if wanted := getenv("WATCHDOG_PID"); wanted != "" && wanted != strconv.Itoa(pid) {
		return 0, nil
	}
	microseconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || microseconds <= 0 {
		return 0, fmt.Errorf("WATCHDOG_USEC: wanted a positive number of microseconds, found %q", text)
	}
	return time.Duration(microseconds) * time.Microsecond, nil
}

// send drops what cannot be sent: a supervisor that went away is no reason to stop serving.
func (n *notifier) send(lines ...string) {
	if n.conn != nil {
		n.conn.Write([]byte(strings.Join(lines, "\n")))
	}
}

func (n *notifier) ready(status string) { n.send("READY=1", "STATUS="+status) }

func (n *notifier) stopping(status string) { n.send("STOPPING=1", "STATUS="+status) }

// keep gives a copy of a listening socket to systemd, which passes it to the next process under this name. A client that
// connects in between waits in the kernel. This needs no socket unit.
func (n *notifier) keep(name string, listener net.Listener) error {
	owner, ok := listener.(interface{ File() (*os.File, error) })
	if n.conn == nil || !ok {
		return nil
	}
	file, err := owner.File()
	if err != nil {
		return err
	}
	defer file.Close()
	raw, err := n.conn.SyscallConn()
	if err != nil {
		return err
	}
	// Not by WriteMsgUnix, which wants an address and refuses one where the socket is connected.
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = syscall.Sendmsg(int(fd), []byte("FDSTORE=1\nFDNAME="+name), syscall.UnixRights(int(file.Fd())), nil, 0)
		return sent != syscall.EAGAIN
	})
	return errors.Join(err, sent)
}

// watchdog sends WATCHDOG=1 twice in each interval until the context ends. Draining needs none: systemd stops
// counting when a unit is stopping.
func (n *notifier) watchdog(ctx context.Context) {
	if n.conn == nil || n.within == 0 {
		return
	}
	tick := time.NewTicker(n.within / 2)
	defer tick.Stop()
	for {
		n.send("WATCHDOG=1")
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (n *notifier) close() {
	if n.conn != nil {
		n.conn.Close()
	}
}
