// Hello is a small HTTP service that shows what a Go service should do under systemd: it takes its listening sockets
// from systemd, reports when it is ready, loses no request when it is replaced, and exports metrics.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

// maxWait bounds the query parameter "wait", by which a test keeps a request in flight.
const maxWait = 5 * time.Second

type config struct {
	listen       string
	drainTimeout time.Duration
	drainIdle    time.Duration
	failHealth   bool
	keepListener bool
	token        string
	showVersion  bool
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings passed in; it returns the exit status.
func run(arguments []string, out, diagnostics io.Writer) int {
	settings, err := parseFlags(arguments, diagnostics)
	if err != nil {
		return 2
	}
	if settings.showVersion {
		fmt.Fprintf(out, "hello %s %s\n", version, runtime.Version())
		return 0
	}
	logger := slog.New(slog.NewTextHandler(diagnostics, nil))
	if err := serve(settings, logger); err != nil {
		logger.Error("hello failed", "error", err)
		return 1
	}
	return 0
}

func parseFlags(arguments []string, diagnostics io.Writer) (config, error) {
	var settings config
	flags := flag.NewFlagSet("hello", flag.ContinueOnError)
	flags.SetOutput(diagnostics)
	flags.StringVar(&settings.listen, "listen", "127.0.0.1:8080", "address to listen on when systemd passes no socket")
	flags.DurationVar(&settings.drainTimeout, "drain-timeout", 10*time.Second, "longest time to finish requests after SIGTERM")
	flags.DurationVar(&settings.drainIdle, "drain-idle", time.Second, "time an idle keep-alive connection has for its last request after SIGTERM")
	flags.BoolVar(&settings.failHealth, "fail-health", os.Getenv("HELLO_FAIL_HEALTH") == "1", "answer 503 on /healthz, to try a rollback (or HELLO_FAIL_HEALTH=1)")
	flags.BoolVar(&settings.keepListener, "keep-listener", false, "have systemd keep the socket of -listen for the next process (FileDescriptorStoreMax=)")
	flags.StringVar(&settings.token, "token", "", "name of a credential; its bearers are served /private")
	flags.BoolVar(&settings.showVersion, "version", false, "print the version and exit")
	return settings, flags.Parse(arguments)
}

// serve runs from the first signal handler to the last answered request.
func serve(settings config, logger *slog.Logger) error {
	// Caught from the very start: systemd may stop a service that is still starting.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	systemd, err := newNotifier()
	if err != nil {
		return err
	}
	defer systemd.close()
	sockets, err := inheritedListeners()
	if err != nil {
		return err
	}
	if len(sockets) == 0 {
		own, err := net.Listen("tcp", settings.listen)
		if err != nil {
			return err
		}
		sockets = []namedListener{{name: "listen", Listener: own}}
		if settings.keepListener {
			if err := systemd.keep("listen", own); err != nil {
				return err
			}
		}
	}

	app := newService(settings.failHealth, hasName(sockets, "metrics"))
	if settings.token != "" {
		if app.token, err = readCredential(settings.token); err != nil {
			return err
		}
	}
	group := newServerGroup(app, logger)
	failed := group.start(sockets)
	for _, socket := range sockets {
		logger.Info("serving", "socket", socket.name, "address", socket.Addr().String(), "version", version)
	}
	systemd.ready(fmt.Sprintf("serving, version %s", version))
	go systemd.watchdog(ctx)

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		stop() // a second signal ends the process at once
	}
	systemd.stopping("draining")
	logger.Info("draining", "connections", group.open.Load())
	began := time.Now()
	if err := group.drain(settings.drainTimeout, settings.drainIdle); err != nil {
		return fmt.Errorf("drain: %d connections were cut after %s: %w", group.open.Load(), settings.drainTimeout, err)
	}
	logger.Info("drained", "seconds", time.Since(began).Seconds())
	return nil
}

// service answers requests.
type service struct {
	host            string
	failHealth      bool
	separateMetrics bool   // /metrics has a socket of its own and is not served on the others
	token           []byte // requests with it may read /private; empty: there is no such path
	metrics         *registry
}

func newService(failHealth, separateMetrics bool) *service {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &service{host: host, failHealth: failHealth, separateMetrics: separateMetrics, metrics: newRegistry(buildInfo())}
}

// handler is what the socket of this name serves.
func (s *service) handler(socket string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	if socket == "metrics" || !s.separateMetrics {
		mux.Handle("GET /metrics", s.metrics)
	}
	if socket != "metrics" {
		mux.HandleFunc("GET /{$}", s.hello)
		if len(s.token) > 0 {
			mux.Handle("GET /private", requireToken(s.token, http.HandlerFunc(s.hello)))
		}
	}
	return s.metrics.observe(mux)
}

func (s *service) hello(w http.ResponseWriter, r *http.Request) {
	if text := r.URL.Query().Get("wait"); text != "" {
		wait, err := time.ParseDuration(text)
		if err != nil || wait < 0 || wait > maxWait {
			http.Error(w, fmt.Sprintf("wait: wanted a duration from 0s to %s, found %q", maxWait, text), http.StatusBadRequest)
			return
		}
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "hello from %s, version %s\n", s.host, version)
}

// health stays good while draining. The socket already belongs to the next process, and a client that asks over an old
// connection would take the answer for the state of the new process.
func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	if s.failHealth {
		http.Error(w, "failing on request", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "ok\n")
}

// build is what hello_build_info reports.
type build struct{ version, goVersion, revision string }

func buildInfo() build {
	info := build{version: version, goVersion: runtime.Version(), revision: "unknown"}
	if compiled, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range compiled.Settings {
			if setting.Key == "vcs.revision" {
				info.revision = setting.Value
			}
		}
	}
	return info
}

func hasName(sockets []namedListener, name string) bool {
	for _, socket := range sockets {
		if socket.name == name {
			return true
		}
	}
	return false
}
