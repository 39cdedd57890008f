package main

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

// readCredential returns the secret that systemd passes under this name (LoadCredential=). It is in a file that only this
// service can read. It is not in the environment, which child processes and crash reports would include.
func readCredential(name string) ([]byte, error) {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	if folder == "" {
		return nil, fmt.Errorf("credential %s: wanted CREDENTIALS_DIRECTORY, found none: set LoadCredential= in the unit", name)
	}
	secret, err := os.ReadFile(filepath.Join(folder, filepath.Base(name)))
	if err != nil {
		return nil, err
	}
	secret = bytes.TrimSpace(secret)
	if len(secret) == 0 {
		return nil, fmt.Errorf("credential %s: wanted a secret, found an empty file", name)
	}
	return secret, nil
}

// requireToken passes on requests with the token. The comparison takes as long for a wrong token as for the right one.
func requireToken(token []byte, next http.Handler) http.Handler {
	wanted := append([]byte("Bearer "), token...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), wanted) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "wanted the token", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
