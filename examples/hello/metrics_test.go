package main

import (
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"runtime/metrics"
	"strings"
	"testing"
)

func scrape(t *testing.T, handler http.Handler) string {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("/metrics answered %d", answer.Code)
	}
	return answer.Body.String()
}

func TestMetricsCountWhatWasServed(t *testing.T) {
	handler := newService(false, false).handler("http")
	for _, path := range []string{"/", "/", "/nowhere"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	page := scrape(t, handler)
	for _, line := range []string{
		`http_requests_total{code="200"} 2`,
		`http_requests_total{code="404"} 1`,
		`http_requests_in_flight 1`,
		`http_request_duration_seconds_count 3`,
	} {
		if !strings.Contains(page, "\n"+line+"\n") {
			t.Errorf("wanted the line %q in\n%s", line, page)
		}
	}
	for _, name := range []string{"hello_build_info{version=", "process_start_time_seconds ", "go_sched_latencies_seconds_bucket{le="} {
		if !strings.Contains(page, "\n"+name) {
			t.Errorf("wanted %q in\n%s", name, page)
		}
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	page := scrape(t, newService(false, false).handler("http"))
	typed := map[string]bool{}
	sample := regexp.MustCompile(`^([a-z_]+?)(?:_bucket|_sum|_count)?(?:\{[^}]*\})? \S+$`)
	for _, line := range strings.Split(strings.TrimSpace(page), "\n") {
		if fields := strings.Fields(line); fields[0] == "#" {
			typed[fields[2]] = typed[fields[2]] || fields[1] == "TYPE"
			continue
		}
		match := sample.FindStringSubmatch(line)
		if match == nil {
			t.Errorf("not a sample: %q", line)
		} else if !typed[match[1]] && !typed[strings.Fields(strings.ReplaceAll(line, "{", " "))[0]] {
			t.Errorf("no TYPE before %q", line)
		}
	}
}

func TestMetricsPassPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: package prometheus")
	}
	command := exec.Command(promtool, "check", "metrics")
	command.Stdin = strings.NewReader(scrape(t, newService(false, false).handler("http")))
	if output, err := command.CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, output)
	}
}

func TestPrometheusName(t *testing.T) {
	for name, test := range map[string]struct {
		counter bool
		want    string
	}{
		"/gc/heap/live:bytes":               {want: "go_gc_heap_live_bytes"},
		"/gc/cycles/total:gc-cycles":        {counter: true, want: "go_gc_cycles_total_gc_cycles_total"},
		"/sched/gomaxprocs:threads":         {want: "go_sched_gomaxprocs_threads"},
		"/cpu/classes/gc/total:cpu-seconds": {counter: true, want: "go_cpu_classes_gc_total_cpu_seconds_total"},
		"/a/b-c:bytes/second*x":             {want: "go_a_b_c_bytes_per_second_x"},
	} {
		if got := prometheusName(name, test.counter); got != test.want {
			t.Errorf("%s: wanted %s, found %s", name, test.want, got)
		}
	}
}

func TestRebucketPutsNoCountOnTheWrongSide(t *testing.T) {
	from := &metrics.Float64Histogram{
		Buckets: []float64{math.Inf(-1), 0, 0.5, 1.5, 3, math.Inf(1)},
		Counts:  []uint64{0, 1, 2, 4, 8},
	}
	got := rebucket(from, []float64{1, 2})
	page := &exposition{}
	page.histogram("x", "x", got)
	for _, line := range []string{`x_bucket{le="1.5"} 3`, `x_bucket{le="3"} 7`, `x_bucket{le="+Inf"} 15`, `x_count 15`} {
		if !strings.Contains(page.String(), line+"\n") {
			t.Errorf("wanted %q in\n%s", line, page)
		}
	}
}

func TestLabelsAreEscaped(t *testing.T) {
	page := &exposition{}
	page.sample("x", 1, "a", "q\"b\\n\n", "b", "")
	if want := `x{a="q\"b\\n\n",b=""} 1` + "\n"; page.String() != want {
		t.Errorf("wanted %q, found %q", want, page)
	}
}
