package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// firstInherited is the number of the first file descriptor that systemd passes (SD_LISTEN_FDS_START).
const firstInherited = 3

// namedListener is a listening socket with the FileDescriptorName of its socket unit.
type namedListener struct {
	net.Listener
	name string
}

// inheritedListeners takes over the sockets that systemd passes, in the order of the unit file, and removes the
// variables that describe them, so that no child process uses them. It is not an error if none were passed.
func inheritedListeners() ([]namedListener, error) {
	count, names, err := parseListenVariables(os.Getenv, os.Getpid())
	for _, name := range []string{"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		os.Unsetenv(name)
	}
	if err != nil {
		return nil, err
	}
	listeners := make([]namedListener, 0, count)
	for i := range count {
		listener, err := takeOver(firstInherited+i, names[i])
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, namedListener{Listener: listener, name: names[i]})
	}
	return listeners, nil
}

// parseListenVariables returns how many descriptors are ours and what each is called.
func parseListenVariables(getenv func(string) string, pid int) (int, []string, error) {
	if getenv("LISTEN_FDS") == "" || getenv("LISTEN_PID") != strconv.Itoa(pid) {
		return 0, nil, nil // not for us: the variables of a parent were inherited with its environment
	}
	count, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || count < 0 {
		return 0, nil, fmt.Errorf("LISTEN_FDS: wanted a number of descriptors, found %q", getenv("LISTEN_FDS"))
	}
	names := make([]string, count)
	for i := range names {
		names[i] = "unknown" // what sd_listen_fds_with_names(3) says of a descriptor without a name
	}
	if given := getenv("LISTEN_FDNAMES"); given != "" {
		split := strings.Split(given, ":")
		if len(split) != count {
			return 0, nil, fmt.Errorf("LISTEN_FDNAMES: wanted %d names, found %q", count, given)
		}
		names = split
	}
	return count, names, nil
}

func takeOver(fd int, name string) (net.Listener, error) {
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), name)
	// FileListener works on a duplicate, so the number that was passed is closed here; both are the same socket.
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d (%s): wanted a listening stream socket: %w", fd, name, err)
	}
	if unix, ok := listener.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // the path belongs to the socket unit
	}
	return listener, nil
}
