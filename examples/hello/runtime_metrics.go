package main

import (
	"math"
	"runtime/metrics"
	"strings"
)

// runtimeNames are the metrics of the Go runtime that a page carries. A name that the runtime does not know is left out,
// so that one source serves several toolchains. Left out on purpose is /gc/gogc:percent: Prometheus wants ratios.
var runtimeNames = []string{
	"/cpu/classes/gc/total:cpu-seconds",
	"/gc/cycles/total:gc-cycles",
	"/gc/gomemlimit:bytes",
	"/gc/heap/allocs:bytes",
	"/gc/heap/goal:bytes",
	"/gc/heap/live:bytes",
	"/memory/classes/heap/objects:bytes",
	"/memory/classes/heap/released:bytes",
	"/memory/classes/total:bytes",
	"/sched/gomaxprocs:threads",
	"/sched/goroutines:goroutines",
	"/sched/latencies:seconds",
	"/sched/pauses/total/gc:seconds",
	"/sync/mutex/wait/total:seconds",
}

// decades are the bounds wanted for times, in seconds; the runtime's own buckets are many hundred.
var decades = []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1}

func writeRuntime(page *exposition, goVersion string) {
	page.family("go_info", "gauge", "The Go version of the binary; the value is always 1.")
	page.sample("go_info", 1, "version", goVersion)

	descriptions := map[string]metrics.Description{}
	for _, description := range metrics.All() {
		descriptions[description.Name] = description
	}
	samples := make([]metrics.Sample, len(runtimeNames))
	for i, name := range runtimeNames {
		samples[i].Name = name
	}
	metrics.Read(samples)
	for _, sample := range samples {
		description := descriptions[sample.Name]
		name := prometheusName(sample.Name, description.Cumulative && description.Kind != metrics.KindFloat64Histogram)
		switch sample.Value.Kind() {
		case metrics.KindUint64:
			page.scalar(name, description, float64(sample.Value.Uint64()))
		case metrics.KindFloat64:
			page.scalar(name, description, sample.Value.Float64())
		case metrics.KindFloat64Histogram:
			help := description.Description + " The sum is estimated from the middles of the runtime's buckets."
			page.histogram(name, help, rebucket(sample.Value.Float64Histogram(), decades))
		case metrics.KindBad: // not a metric of this toolchain
		}
	}
}

func (e *exposition) scalar(name string, description metrics.Description, value float64) {
	kind := "gauge"
	if description.Cumulative {
		kind = "counter"
	}
	e.family(name, kind, description.Description)
	e.sample(name, value)
}

// prometheusName turns /a/b-c/name:unit into go_a_b_c_name_unit, the name that Prometheus users know it by.
func prometheusName(name string, counter bool) string {
	path, unit, _ := strings.Cut(strings.TrimPrefix(name, "/"), ":")
	result := "go_" + strings.NewReplacer("/", "_", "-", "_").Replace(path) +
		"_" + strings.NewReplacer("-", "_", "*", "_", "/", "_per_").Replace(unit)
	if counter {
		result += "_total"
	}
	return result
}

// rebucket merges the runtime's buckets. Each bound becomes the first bound of the runtime at or above the wanted one, so
// that no count is on the wrong side of it.
func rebucket(from *metrics.Float64Histogram, wanted []float64) histogram {
	var merged histogram
	var pending uint64
	next := 0
	for i, count := range from.Counts {
		low, high := from.Buckets[i], from.Buckets[i+1]
		pending += count
		if count > 0 {
			merged.sum += float64(count) * middle(low, high)
		}
		if next < len(wanted) && high >= wanted[next] && !math.IsInf(high, 1) {
			merged.bounds = append(merged.bounds, high)
			merged.counts = append(merged.counts, pending)
			pending = 0
			for next < len(wanted) && high >= wanted[next] {
				next++
			}
		}
	}
	merged.counts = append(merged.counts, pending)
	return merged
}

func middle(low, high float64) float64 {
	switch {
	case math.IsInf(low, -1):
		return math.Max(0, high)
	case math.IsInf(high, 1):
		return low
	}
	return (low + high) / 2
}
