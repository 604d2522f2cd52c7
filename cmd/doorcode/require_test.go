package main

import (
	"os"
	"os/exec"
	"testing"
)

// require skips a test whose program is missing, with what to install; with DOORCODE_TEST_REQUIRE=all a missing one fails it.
func require(t *testing.T, program, install string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	missing(t, program, install)
}

// missing skips, or fails where nothing may be skipped.
func missing(t *testing.T, program, install string) {
	t.Helper()
	if os.Getenv("DOORCODE_TEST_REQUIRE") == "all" {
		t.Fatalf("%s is missing: %s", program, install)
	}
	t.Skipf("%s is missing: %s", program, install)
}
