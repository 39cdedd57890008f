package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// serverGroup is one http.Server for each socket, drained together.
type serverGroup struct {
	app       *service
	logger    *slog.Logger
	servers   []*http.Server
	listeners []net.Listener
	serving   serveAll
	draining  atomic.Bool
	open      atomic.Int64 // connections accepted and not yet closed
}

func newServerGroup(app *service, logger *slog.Logger) *serverGroup {
	return &serverGroup{app: app, logger: logger}
}

// start serves every socket. The channel reports a server that ended by itself.
func (g *serverGroup) start(sockets []namedListener) <-chan error {
	g.serving.errors = make(chan error, len(sockets))
	for _, socket := range sockets {
		server := g.newServer(g.app.handler(socket.name))
		g.servers = append(g.servers, server)
		g.listeners = append(g.listeners, socket.Listener)
		g.serving.run(server, socket.Listener, g.draining.Load)
	}
	return g.serving.errors
}

func (g *serverGroup) newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           g.closeWhenDraining(handler),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(g.logger.Handler(), slog.LevelWarn),
		ConnState:         g.count,
	}
}

func (g *serverGroup) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		g.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		g.open.Add(-1)
	}
}

// closeWhenDraining tells the client, in the answer itself, that this connection takes no more requests. It does so
// just before the header goes out, so that a request which was already running when SIGTERM came tells it too.
func (g *serverGroup) closeWhenDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&closingWriter{ResponseWriter: w, draining: &g.draining}, r)
	})
}

type closingWriter struct {
	http.ResponseWriter
	draining *atomic.Bool
	wrote    bool
}

func (w *closingWriter) WriteHeader(code int) {
	if !w.wrote && w.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	w.wrote = true
	w.ResponseWriter.WriteHeader(code)
}

func (w *closingWriter) Write(data []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach the real writer.
func (w *closingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// drain answers every request that has reached this process, and returns when nothing is open.
//
//  1. Our copies of the listening sockets are closed, by close(2) and never by shutdown(2): that would end systemd's
//     copy as well. From here on new connections wait in the kernel's queue for the next process.
//  2. Serve has returned on each: a connection that was accepted in the last moment is counted.
//  3. Connections may still bring one request each, which is answered with "Connection: close". Closing an idle
//     connection at once, as http.Server.Shutdown does, would race with a request that is on its way.
//  4. What is still idle after the time for that is closed, what is active is waited for. Shutdown gives a connection
//     that was accepted and not yet read from five seconds.
func (g *serverGroup) drain(timeout, idle time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	g.draining.Store(true)
	for _, listener := range g.listeners {
		listener.Close()
	}
	g.serving.Wait()
	g.waitUntilClosed(ctx, idle)

	var failures []error
	for _, server := range g.servers {
		if err := server.Shutdown(ctx); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// waitUntilClosed returns when the last connection has closed, or after the time given.
func (g *serverGroup) waitUntilClosed(ctx context.Context, atMost time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for g.open.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// serveAll collects the end of every Serve call, so that drain knows when nothing more can be accepted.
type serveAll struct {
	sync.WaitGroup
	errors chan error
}

func (s *serveAll) run(server *http.Server, listener net.Listener, draining func() bool) {
	s.Add(1)
	go func() {
		defer s.Done()
		err := server.Serve(listener)
		if draining() && (errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed)) {
			return
		}
		s.errors <- fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}()
}
