package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func open(t *testing.T, path string) *Ring {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// onlyFile fails if an edit left anything beside the key file.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("got %v (error %v) in the folder, want the key file alone", entries, err)
	}
}

func TestOpenNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorcode.keys")
	first := open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("got mode %v, want 0600", got)
	}
	if got := first.Generation(); got != 0 {
		t.Errorf("got generation %d, want 0", got)
	}
	again := open(t, path).Pairs("cookies")
	if got := first.Pairs("cookies"); len(got) != 1 || !bytes.Equal(got[0].Hash, again[0].Hash) || !bytes.Equal(got[0].Block, again[0].Block) {
		t.Error("opening again gave other keys")
	}
	onlyFile(t, path)
}

func TestPairs(t *testing.T) {
	dir := t.TempDir()
	r, other := open(t, filepath.Join(dir, "a")), open(t, filepath.Join(dir, "b"))
	seen := map[string]string{}
	for name, pair := range map[string]Pair{
		"cookies": r.Pairs("cookies")[0], "codes": r.Pairs("codes")[0], "no purpose": r.Pairs("")[0],
		"another file's": other.Pairs("cookies")[0],
	} {
		for part, key := range map[string][]byte{"hash": pair.Hash, "block": pair.Block} {
			if len(key) != 32 {
				t.Errorf("%s %s: got %d bytes, want 32", name, part, len(key))
			}
			if before, found := seen[string(key)]; found {
				t.Errorf("%s %s is the key of %s too", name, part, before)
			}
			seen[string(key)] = name + " " + part
		}
	}
	// An append to one key must not run into the other.
	p := r.Pairs("cookies")[0]
	_ = append(p.Hash, 'x')
	if !bytes.Equal(p.Block, r.Pairs("cookies")[0].Block) {
		t.Error("appending to the hash key changed the block key")
	}
}

// The keys of a purpose must never change: cookies of 400 days would stop opening.
func TestPairsFixed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorcode.keys")
	text := `{"generation": 1, "keys": [{"id": "a", "made_at": "2026-11-24T08:00:00Z", "secret": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := open(t, path).Pairs("cookies")[0]
	got := fmt.Sprintf("%x %x", p.Hash, p.Block)
	if want := "3189d2d3ee88229148a270f6fdaa4894aa5c85617fab67edee55ad9e2fa2be78 aaac076917dd56911cfd966c492899b17c9d21241094ebd546f0153aefd33544"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorcode.keys")
	running := open(t, path)
	if err := Rotate(path); err != nil {
		t.Fatal(err)
	}
	if err := running.Move(3); err != nil { // the gateway that runs meanwhile keeps the new key in the file
		t.Fatal(err)
	}
	rotated := open(t, path)
	old, now := running.Pairs("cookies"), rotated.Pairs("cookies")
	if len(old) != 1 || len(now) != 2 {
		t.Fatalf("got %d and %d pairs, want 1 and 2", len(old), len(now))
	}
	if !bytes.Equal(now[1].Hash, old[0].Hash) || bytes.Equal(now[0].Hash, old[0].Hash) {
		t.Error("want the new key first and the old one second")
	}
	if got := rotated.Generation(); got != 3 {
		t.Errorf("got generation %d, want 3", got)
	}
	onlyFile(t, path)
	if err := Rotate(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rotating no file: got error %v, want ErrNotExist", err)
	}
}

func TestMove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorcode.keys")
	r := open(t, path)
	if err := r.Move(2); err != nil {
		t.Fatal(err)
	}
	for _, to := range []uint64{0, 1, 2} { // a generation that goes back would hide a restored state
		if err := r.Move(to); err == nil {
			t.Errorf("Move(%d) from 2: got no error, want one", to)
		}
	}
	if got, stored := r.Generation(), open(t, path).Generation(); got != 2 || stored != 2 {
		t.Errorf("got generation %d, in the file %d, want 2", got, stored)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := r.Move(5); err == nil || r.Generation() != 2 {
		t.Errorf("moved without a file: got error %v and generation %d, want an error and 2", err, r.Generation())
	}
}

func TestAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorcode.keys")
	hashes := make([]string, 16)
	var wg sync.WaitGroup
	for i := range hashes {
		wg.Go(func() {
			r, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			hashes[i] = string(r.Pairs("cookies")[0].Hash)
		})
	}
	wg.Wait()
	for _, h := range hashes {
		if h != hashes[0] {
			t.Fatal("gateways that started at once have different keys")
		}
	}
	for range 8 {
		wg.Go(func() {
			if err := Rotate(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(open(t, path).Pairs("cookies")); got != 9 {
		t.Errorf("got %d keys after 8 rotations at once, want 9", got)
	}
	onlyFile(t, path)
}

const good = `{"generation": 1, "keys": [{"id": "a", "made_at": "2026-11-24T08:00:00Z", "secret": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}]}`

func TestOpenDamaged(t *testing.T) {
	zero := strings.Repeat("A", 43) + "="
	for name, text := range map[string]string{
		"empty":         "",
		"zeros":         strings.Repeat("\x00", 300),
		"cut off":       good[:len(good)-2],
		"two files":     good + good,
		"no keys":       `{"generation": 1, "keys": []}`,
		"null":          `null`,
		"short secret":  strings.Replace(good, "AQEB", "", 1),
		"zero secret":   strings.Replace(good, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", zero, 1),
		"not base64":    strings.Replace(good, "AQEB", "AQ*B", 1),
		"misspelt":      strings.Replace(good, "secret", "secrets", 1),
		"below zero":    strings.Replace(good, ": 1", ": -1", 1),
		"another file":  "users:\n  - name: ahmad\n",
		"far too large": good + strings.Repeat(" ", maxFile),
	} {
		path := filepath.Join(t.TempDir(), "doorcode.keys")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if !errors.Is(err, errDamaged) || !strings.HasPrefix(err.Error(), "open keys "+path+": ") {
			t.Errorf("%s: got error %v, want a damaged file that is named", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "AQEB") {
			t.Errorf("%s: the error quotes the file: %v", name, err)
		}
		if err := Rotate(path); !errors.Is(err, errDamaged) {
			t.Errorf("rotating %s: got error %v, want a damaged file", name, err)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != text {
			t.Errorf("%s: the damaged file was changed", name)
		}
	}
}

func TestLink(t *testing.T) {
	dir := t.TempDir()
	path, real := filepath.Join(dir, "link"), filepath.Join(t.TempDir(), "doorcode.keys")
	want := open(t, real).Pairs("cookies")[0]
	if err := os.Symlink(real, path); err != nil {
		t.Skip("no links here:", err)
	}
	r := open(t, path)
	if !bytes.Equal(r.Pairs("cookies")[0].Hash, want.Hash) {
		t.Error("the link gave other keys")
	}
	if err := r.Move(7); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v (error %v)", info, err)
	}
	if got := open(t, real).Generation(); got != 7 {
		t.Errorf("got generation %d behind the link, want 7", got)
	}
	onlyFile(t, path)
	onlyFile(t, real)
}

// TestNotPrinted: keys show themselves under no verb (E5, C12).
func TestNotPrinted(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "doorcode.keys"))
	p := r.Pairs("cookies")[0]
	holder := struct {
		Pair Pair
		Ring *Ring
	}{p, r}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, v := range []any{p, &p, []Pair{p}, r, holder} {
			got := fmt.Sprintf(verb, v)
			for _, key := range [][]byte{p.Hash, r.secrets[0]} {
				for _, shown := range []string{string(key), fmt.Sprintf("%x", key), fmt.Sprintf("%X", key), strings.Trim(fmt.Sprint(key), "[]"), fmt.Sprintf("%#v", key), fmt.Sprintf("%q", key)} {
					if strings.Contains(got, shown) {
						t.Errorf("%s of %T shows the key: %s", verb, v, got)
					}
				}
			}
		}
	}
	text, err := json.Marshal(holder)
	if err != nil || string(text) != `{"Pair":"[keys]","Ring":{}}` {
		t.Errorf("got JSON %s (error %v)", text, err)
	}
}

// FuzzParse: whatever stands in the file, it is read whole or refused, and what is read has only whole keys.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"keys":[{"secret":"AQ=="}]}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parse(text)
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Errorf("got error %v, want a damaged file", err)
			}
			return
		}
		for _, k := range got.Keys {
			if len(k.Secret) != secretSize {
				t.Errorf("got a key of %d bytes", len(k.Secret))
			}
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parse(again); err != nil || back.Generation != got.Generation || len(back.Keys) != len(got.Keys) {
			t.Errorf("what was read does not read back: %v", err)
		}
	})
}
