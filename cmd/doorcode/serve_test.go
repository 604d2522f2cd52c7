package main

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestSaveWhileStarting: what is saved between the reading of the files and the first look at them is taken up all the same.
func TestSaveWhileStarting(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until a saved file has settled: not under -short")
	}
	for _, name := range []string{"gateway.yaml", "users.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var once sync.Once
			_, logged := startProgramHearing(t, func(line []byte) {
				if !bytes.Contains(line, []byte("the door is open")) {
					return
				}
				once.Do(func() { // the program waits for its log, so it has not gone a step further
					file, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
					if err != nil {
						t.Error(err)
						return
					}
					file.WriteString("# saved\n")
					file.Close()
				})
			}, "demo", "--listen", "127.0.0.1:0", "--data", dir)
			logged.wait(t, "changed files taken up")
		})
	}
}
