package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// started is the start of the process, as near as Go code can see it.
var started = time.Now()

// durationBounds are the upper bounds of http_request_duration_seconds.
var durationBounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

// registry holds the counts of this service and answers a scrape in the Prometheus text format.
type registry struct {
	build    build
	inFlight atomic.Int64

	mutex     sync.Mutex
	requests  map[int]uint64 // by status code
	durations histogram
}

func newRegistry(info build) *registry {
	return &registry{
		build: info,
		// The usual code starts at 0, so that rate() sees the first request.
		requests:  map[int]uint64{http.StatusOK: 0},
		durations: histogram{bounds: durationBounds, counts: make([]uint64, len(durationBounds)+1)},
	}
}

// observe counts what passes through.
func (r *registry) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.inFlight.Add(1)
		began := time.Now()
		recorder := &codeRecorder{ResponseWriter: w, code: http.StatusOK}
		defer func() {
			r.inFlight.Add(-1)
			r.mutex.Lock()
			defer r.mutex.Unlock()
			r.requests[recorder.code]++
			r.durations.observe(time.Since(began).Seconds())
		}()
		next.ServeHTTP(recorder, request)
	})
}

type codeRecorder struct {
	http.ResponseWriter
	code int
}

func (w *codeRecorder) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the real writer.
func (w *codeRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ServeHTTP answers a scrape.
func (r *registry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	page := &exposition{}
	r.writeService(page)
	writeProcess(page)
	writeRuntime(page, r.build.goVersion)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(page.Bytes())
}

func (r *registry) writeService(page *exposition) {
	page.family("hello_build_info", "gauge", "What is running; the value is always 1.")
	page.sample("hello_build_info", 1, "version", r.build.version, "goversion", r.build.goVersion, "revision", r.build.revision)
	page.family("http_requests_in_flight", "gauge", "Requests being answered now, this scrape among them.")
	page.sample("http_requests_in_flight", float64(r.inFlight.Load()))

	r.mutex.Lock()
	defer r.mutex.Unlock()
	codes := make([]int, 0, len(r.requests))
	for code := range r.requests {
		codes = append(codes, code)
	}
	sort.Ints(codes)
	page.family("http_requests_total", "counter", "Requests answered, by status code.")
	for _, code := range codes {
		page.sample("http_requests_total", float64(r.requests[code]), "code", strconv.Itoa(code))
	}
	page.histogram("http_request_duration_seconds", "Time from the read header to the end of the handler.", r.durations)
}

func writeProcess(page *exposition) {
	page.family("process_start_time_seconds", "gauge", "Start of the process, in seconds since the epoch.")
	page.sample("process_start_time_seconds", float64(started.UnixMicro())/1e6)
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		page.family("process_cpu_seconds_total", "counter", "User and system CPU time spent.")
		page.sample("process_cpu_seconds_total", time.Duration(usage.Utime.Nano()+usage.Stime.Nano()).Seconds())
	}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		page.family("process_max_fds", "gauge", "Limit of open file descriptors.")
		page.sample("process_max_fds", float64(limit.Cur))
	}
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		page.family("process_open_fds", "gauge", "Open file descriptors.")
		page.sample("process_open_fds", float64(len(entries)-1)) // without the directory just read
	}
}

// histogram counts values up to each bound; the last count is for what is above all of them.
type histogram struct {
	bounds []float64
	counts []uint64
	sum    float64
}

func (h *histogram) observe(value float64) {
	h.counts[sort.SearchFloat64s(h.bounds, value)]++
	h.sum += value
}

// exposition is a page of the Prometheus text format, version 0.0.4.
type exposition struct{ bytes.Buffer }

var (
	labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

func (e *exposition) family(name, kind, help string) {
	fmt.Fprintf(e, "# HELP %s %s\n# TYPE %s %s\n", name, helpEscaper.Replace(help), name, kind)
}

// sample writes one line; labels are names and values in turn.
func (e *exposition) sample(name string, value float64, labels ...string) {
	e.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		separator := ","
		if i == 0 {
			separator = "{"
		}
		fmt.Fprintf(e, `%s%s="%s"`, separator, labels[i], labelEscaper.Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		e.WriteString("}")
	}
	fmt.Fprintf(e, " %s\n", formatFloat(value))
}

func (e *exposition) histogram(name, help string, h histogram) {
	e.family(name, "histogram", help)
	var total uint64
	for i, bound := range h.bounds {
		total += h.counts[i]
		e.sample(name+"_bucket", float64(total), "le", formatFloat(bound))
	}
	total += h.counts[len(h.bounds)]
	e.sample(name+"_bucket", float64(total), "le", "+Inf")
	e.sample(name+"_sum", h.sum)
	e.sample(name+"_count", float64(total))
}

func formatFloat(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }
