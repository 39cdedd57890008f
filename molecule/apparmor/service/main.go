// Trouble is a service that does on request what its AppArmor profile does not allow, as long as nobody adds rules.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// deeds are the requests: /do?what=NAME, with a process number for signal.
var deeds = map[string]func(argument string) error{
	"read":   func(string) error { _, err := os.ReadFile("/etc/debian_version"); return err },
	"write":  func(string) error { return os.WriteFile("/dev/shm/trouble out", []byte("x"), 0o600) },
	"exec":   func(string) error { return exec.Command("/usr/bin/uname").Run() },
	"raw":    openRaw,
	"signal": sendSignal,
}

func openRaw(string) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP)
	if err != nil {
		return err
	}
	return syscall.Close(fd)
}

func sendSignal(argument string) error {
	pid, err := strconv.Atoi(argument)
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGCONT)
}

// needed reads the file that the state directory names, if it names one: a need that shows only when health is asked.
func needed() error {
	path, err := os.ReadFile(filepath.Join(os.Getenv("STATE_DIRECTORY"), "need"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = os.ReadFile(strings.TrimSpace(string(path)))
	return err
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

func main() {
	address := flag.String("listen", "", "address to listen on")
	flag.Parse()
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, needed()) })
	http.HandleFunc("/do", func(w http.ResponseWriter, r *http.Request) {
		deed, known := deeds[r.FormValue("what")]
		if !known {
			http.NotFound(w, r)
			return
		}
		answer(w, deed(r.FormValue("argument")))
	})
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, nil))
}
