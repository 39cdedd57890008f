package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// activator plays systemd: it keeps the listening socket and starts the service on it, one process after the other.
type activator struct {
	t        *testing.T
	socket   *os.File
	address  string
	messages <-chan string
	notify   string
}

func newActivator(t *testing.T) *activator {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // the duplicate stays open
	t.Cleanup(func() { socket.Close() })
	notify := filepath.Join(t.TempDir(), "notify")
	return &activator{t: t, socket: socket, address: listener.Addr().String(), messages: supervise(t, notify), notify: notify}
}

// start returns a process that has said READY=1.
func (a *activator) start(arguments ...string) *exec.Cmd {
	a.t.Helper()
	self, err := os.Executable()
	if err != nil {
		a.t.Fatal(err)
	}
	// LISTEN_PID has to be the number of the process itself, which exec keeps.
	command := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, self}, arguments...)...)
	command.ExtraFiles = []*os.File{a.socket}
	command.Env = append(os.Environ(), "HELLO_TEST_CHILD=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=http", "NOTIFY_SOCKET="+a.notify)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { command.Process.Kill() })
	for !strings.HasPrefix(next(a.t, a.messages), "READY=1") {
	}
	return command
}

// stop waits until the process has ended well.
func (a *activator) stop(command *exec.Cmd) {
	a.t.Helper()
	command.Process.Signal(syscall.SIGTERM)
	a.wait(command)
}

func (a *activator) wait(command *exec.Cmd) {
	a.t.Helper()
	if err := command.Wait(); err != nil {
		a.t.Errorf("the process did not drain: %v", err)
	}
}

// client speaks HTTP/1.1 without http.Transport, which would hide a lost request by sending it again.
type client struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

func (c *client) dial() (err error) {
	if c.conn, err = net.DialTimeout("tcp", c.address, 20*time.Second); err == nil {
		c.reader = bufio.NewReader(c.conn)
	}
	return err
}

// get sends one request, on the open connection if there is one; keep tells whether it may be used again.
func (c *client) get(path string, keep bool) (*http.Response, error) {
	if c.conn == nil {
		if err := c.dial(); err != nil {
			return nil, err
		}
	}
	c.conn.SetDeadline(time.Now().Add(20 * time.Second))
	closing := ""
	if !keep {
		closing = "Connection: close\r\n"
	}
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: hello\r\n%s\r\n", path, closing); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return nil, err
	}
	if response.Close || !keep {
		c.conn.Close()
		c.conn = nil
	}
	return response, nil
}

func TestReplacingTheProcessLosesNoRequest(t *testing.T) {
	systemd := newActivator(t)
	process := systemd.start()

	var answered, failed atomic.Int64
	var clients sync.WaitGroup
	done := make(chan struct{})
	for i := range 12 {
		path := "/"
		if i%3 == 0 {
			path = "/?wait=30ms" // some requests are in flight at any moment
		}
		keep := i%2 == 0
		clients.Add(1)
		go func() {
			defer clients.Done()
			c := &client{address: systemd.address}
			for {
				select {
				case <-done:
					return
				default:
				}
				response, err := c.get(path, keep)
				if err != nil || response.StatusCode != http.StatusOK {
					failed.Add(1)
					t.Errorf("a request was lost (client %d, keep-alive %v): %v", i, keep, err)
					c.conn = nil
					continue
				}
				answered.Add(1)
				time.Sleep(time.Millisecond)
			}
		}()
	}
	for range 5 {
		time.Sleep(150 * time.Millisecond)
		systemd.stop(process)
		process = systemd.start()
	}
	close(done)
	clients.Wait()
	systemd.stop(process)
	t.Logf("5 restarts: %d requests answered, %d lost", answered.Load(), failed.Load())
	if answered.Load() < 100 {
		t.Errorf("wanted at least 100 requests, found %d", answered.Load())
	}
}

func TestDrainAnswersEveryKindOfConnection(t *testing.T) {
	systemd := newActivator(t)
	process := systemd.start("-drain-idle", "2s")
	idle := &client{address: systemd.address}
	if _, err := idle.get("/", true); err != nil || idle.conn == nil {
		t.Fatalf("keep-alive: %v", err)
	}
	unread := &client{address: systemd.address}
	if err := unread.dial(); err != nil {
		t.Fatal(err)
	}
	running := make(chan *http.Response, 1)
	go func() {
		response, err := (&client{address: systemd.address}).get("/?wait=500ms", true)
		if err != nil {
			t.Errorf("in flight: %v", err)
		}
		running <- response
	}()
	time.Sleep(200 * time.Millisecond)
	process.Process.Signal(syscall.SIGTERM)
	for !strings.HasPrefix(next(t, systemd.messages), "STOPPING=1") {
	}
	time.Sleep(100 * time.Millisecond)

	queued := make(chan error, 1) // a new connection waits for the next process
	go func() {
		_, err := (&client{address: systemd.address}).get("/", false)
		queued <- err
	}()
	for name, c := range map[string]*client{"idle keep-alive": idle, "accepted and not read from": unread} {
		response, err := c.get("/", true)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s: %v", name, err)
		} else if !response.Close {
			t.Errorf("%s: wanted Connection: close in the answer", name)
		}
	}
	if response := <-running; response != nil && !response.Close {
		t.Error("in flight: wanted Connection: close in the answer")
	}
	systemd.wait(process)
	select {
	case err := <-queued:
		t.Fatalf("a connection made while draining was taken by the old process: %v", err)
	default:
	}
	process = systemd.start()
	if err := <-queued; err != nil {
		t.Errorf("a connection made while draining: %v", err)
	}
	systemd.stop(process)
}

func TestDrainEndsWhenRequestsDoNot(t *testing.T) {
	systemd := newActivator(t)
	process := systemd.start("-drain-timeout", "100ms")
	c := &client{address: systemd.address}
	if err := c.dial(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c.conn, "GET /?wait=5s HTTP/1.1\r\nHost: hello\r\n\r\n")
	time.Sleep(200 * time.Millisecond)
	process.Process.Signal(syscall.SIGTERM)
	if err := process.Wait(); err == nil || process.ProcessState.ExitCode() != 1 {
		t.Errorf("wanted exit status 1 for requests that were cut, found %v", err)
	}
}
