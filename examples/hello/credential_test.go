package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestReadCredential(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{"token": "s3cret\n", "empty": " \n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		folder, name, secret string
		fails                bool
	}{
		"there":          {folder: folder, name: "token", secret: "s3cret"},
		"empty":          {folder: folder, name: "empty", fails: true},
		"not there":      {folder: folder, name: "other", fails: true},
		"no credentials": {name: "token", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CREDENTIALS_DIRECTORY", test.folder)
			secret, err := readCredential(test.name)
			if string(secret) != test.secret || (err != nil) != test.fails {
				t.Errorf("wanted %q, found %q, %v", test.secret, secret, err)
			}
		})
	}
}

func TestTokenIsWantedWhereThereIsOne(t *testing.T) {
	for name, test := range map[string]struct {
		token, sent string
		code        int
	}{
		"no token, no such path": {code: 404},
		"the right one":          {token: "s3cret", sent: "Bearer s3cret", code: 200},
		"a wrong one":            {token: "s3cret", sent: "Bearer s3cre", code: 401},
		"none":                   {token: "s3cret", code: 401},
	} {
		t.Run(name, func(t *testing.T) {
			app := newService(false, false)
			app.token = []byte(test.token)
			request := httptest.NewRequest(http.MethodGet, "/private", nil)
			request.Header.Set("Authorization", test.sent)
			answer := httptest.NewRecorder()
			app.handler("").ServeHTTP(answer, request)
			if answer.Code != test.code {
				t.Errorf("wanted %d, found %d", test.code, answer.Code)
			}
		})
	}
}
