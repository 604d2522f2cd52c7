package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
)

// fileOnly keeps the environment of whoever runs the tests out of them.
var fileOnly = Overrides{FileOnly: true}

// wanted returns the problems that a faulty file names itself, in lines "# want place: sentence". One that ends in … is a beginning.
func wanted(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(text)) {
		if w, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "# want "); ok {
			want = append(want, w)
		}
	}
	if want == nil {
		t.Fatalf("%s does not say what is wrong with it", path)
	}
	return want
}

// said returns the problems without the file's name and the folder of the test data.
func said(found Problems, path string) []string {
	var got []string
	for _, p := range found {
		text := strings.TrimPrefix(strings.TrimPrefix(p.Error(), path), ":")
		got = append(got, strings.ReplaceAll(strings.TrimSpace(text), filepath.Dir(path)+"/", ""))
	}
	return got
}

// faulty returns the files of a folder of test data, copied to where modes are known and a certificate lies beside them.
func faulty(t *testing.T, folder string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", folder))); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no test data in %s: %v", folder, err)
	}
	for _, path := range paths {
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificate(t, dir)
	return paths
}

// certificate makes door.pem and door.key.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"books.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"door.pem": {Type: "CERTIFICATE", Bytes: cert}, "door.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFaultyGatewayFiles(t *testing.T) {
	for _, path := range faulty(t, "gateway") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			s, found := Load(path, fileOnly)
			if got, want := said(found, path), wanted(t, path); !slices.EqualFunc(got, want, says) {
				t.Errorf("Load(%s) found\n%s\nwant\n%s", filepath.Base(path), strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if refused := found.Err() != nil; refused != (s == nil) {
				t.Errorf("Load(%s) = %v settings with error %v", path, s != nil, found.Err())
			}
			if strings.Contains(found.Error(), "hunter2") {
				t.Errorf("Load(%s) quotes a password: %v", path, found)
			}
		})
	}
}

// sendable are settings that a policy with every kind of code can be held against.
func sendable(t *testing.T) *Settings {
	t.Helper()
	s, found := Load(filepath.Join("..", "gateway.example.yaml"), fileOnly)
	if s == nil {
		t.Fatalf("gateway.example.yaml: %v", found)
	}
	return s
}

func says(got, want string) bool {
	beginning, open := strings.CutSuffix(want, "…")
	return got == want || open && strings.HasPrefix(got, beginning)
}

func TestFaultyUserFiles(t *testing.T) {
	all := sendable(t)
	for _, path := range faulty(t, "users") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			settings := *all
			s := &settings
			// What of gateway.yaml a file is about stands in its name.
			if strings.Contains(path, "nothing_to_send_with") {
				s.SMS, s.Email = nil, nil
			}
			if strings.Contains(path, "typed_names") {
				s.ConfirmReadsUser = false
				s.AcceptTypedNames = strings.Contains(path, "accepted")
			}
			if strings.Contains(path, "without_country") {
				s.Country = ""
			}
			p, found := LoadPolicy(path, s)
			if got, want := said(found, path), wanted(t, path); !slices.EqualFunc(got, want, says) {
				t.Errorf("LoadPolicy(%s) found\n%s\nwant\n%s", filepath.Base(path), strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if refused := found.Err() != nil; refused != (p == nil) {
				t.Errorf("LoadPolicy(%s) = %v policy with error %v", path, p != nil, found.Err())
			}
			for _, hidden := range []string{"598765432", "5.98765432", "ahmad.saleh@", "2987654", "521234567"} {
				if strings.Contains(found.Error(), hidden) {
					t.Errorf("LoadPolicy(%s) says %s, which is a user's own: %v", path, hidden, found)
				}
			}
		})
	}
}

// write puts a file into a folder of the test's own.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// good is the shortest gateway.yaml without a warning.
const good = `listen: {address: ":8080", insecure: true}
public_url: https://books.example.com
trusted_proxies: [127.0.0.1]
upstream: {url: "http://127.0.0.1:8081"}
login:
  page: /login.php
  path: /login.php
  user: username
  password: password
  failure: {any: [{body: wrong}]}
  confirm: {url: /profile.php, signed_in: logout}
`

func TestLoadFormsOfText(t *testing.T) {
	tests := []struct {
		name, text, want string // want is the problem, "" for none
	}{
		{"as it is", good, ""},
		{"byte order mark", "\ufeff" + good, ""},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), ""},
		{"document start", "---\n" + good, ""},
		{"byte order mark counts no column", "\ufeffnonsense: 1\n" + good, "1:1: nonsense is not a key here: known here: "},
		{"columns are characters", "\"حساباتي\": 1\n" + good, "1:1: حساباتي is not a key here: known here: "},
		{"empty", "", "1:1: the file is empty: an empty file is refused, it may be half written"},
		{"only comments", "# nothing\n", "1:1: the file is empty: an empty file is refused, it may be half written"},
		{"only a document start", "---\n", "2:1: the file is empty: it wants keys of its own, one a line and further in; or take the key out"},
		{"a list", "- a\n", "1:1: the file is a list: it wants keys of its own, one a line and further in"},
		{"one word", "word", "1:1: the file is one value: it wants keys of its own, one a line and further in"},
		{"UTF-16", "\xff\xfen\x00a\x00", "1:1: the file is saved as UTF-16: save it as UTF-8"},
		{"windows-1256", "name: x\nsms: \xc8\n", "2:6: byte 0xc8 is not UTF-8: save the file as UTF-8"},
		{"NUL", "name: x\n\x00", "2:1: control character 0x0: take it out"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, "gateway.yaml", test.text)
			s, found := Load(path, fileOnly)
			if test.want == "" {
				if len(found) > 0 || s == nil {
					t.Fatalf("found %v", found)
				}
				return
			}
			if got := said(found, path); len(got) != 1 || !strings.HasPrefix(got[0], test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	s, found := Load(filepath.Join("testdata", "nowhere.yaml"), fileOnly)
	want := "testdata/nowhere.yaml: no such file or directory: this file must be there and readable"
	if s != nil || found.Error() != want {
		t.Errorf("Load of a missing file = %v, %q, want %q", s, found.Error(), want)
	}
	p, found := LoadPolicy(t.TempDir(), sendable(t))
	if p != nil || !strings.Contains(found.Error(), "is a folder") {
		t.Errorf("LoadPolicy of a folder = %v, %q", p, found.Error())
	}
}

func TestDefaults(t *testing.T) {
	path := write(t, "gateway.yaml", good)
	s, found := Load(path, fileOnly)
	if s == nil {
		t.Fatal(found)
	}
	dir := filepath.Dir(path)
	checks := []struct {
		what      string
		got, want any
	}{
		{"name", s.Name, "books.example.com"},
		{"name of pages", s.Gateway.Name, "books.example.com"},
		{"name of messages", s.Challenge.Name, "books.example.com"},
		{"state", s.State, filepath.Join(dir, "doorcode.db")},
		{"keys", s.Keys, filepath.Join(dir, "doorcode.keys")},
		{"policy", s.Policy, filepath.Join(dir, "users.yaml")},
		{"files", strings.Join(s.Files, " "), path + " " + s.Policy},
		{"digits", s.Challenge.Digits, 6},
		{"expires", s.Challenge.Expires, 10 * time.Minute},
		{"rules", s.Challenge.Rules, challenge.CodeRules{Tries: 5, ResendAfter: 30 * time.Second, Resends: 3}},
		{"user sends", s.Challenge.UserSends, challenge.Rate{Count: 10, Per: time.Hour}},
		{"address sends", s.Challenge.AddressSends, challenge.Rate{Count: 30, Per: time.Hour}},
		{"day sends", s.Challenge.DaySends, challenge.Rate{Count: 2000, Per: day}},
		{"delivery wait", s.Challenge.DeliveryWait, 3 * time.Second},
		{"session", s.Gateway.Session, challenge.SessionLife{Idle: 8 * time.Hour, Absolute: day}},
		{"fold", s.Fold, challenge.Fold{Case: true, Space: true, Width: true, Accents: true}},
		{"insecure cookies", s.Gateway.Insecure, false},
		{"upstream host", s.Gateway.Upstream.Host, ""},
		{"header limit", s.Gateway.Limits.Header, 64 << 10},
		{"tokens are auto", s.Gateway.Login.Tokens == nil, true},
		{"email", s.Email == nil, true},
		{"methods of the login", strings.Join(s.Gateway.LoginRule.Methods, " "), "POST"},
		{"place of the login", s.Gateway.LoginRule.Place, path + ":7"},
		{"log", s.Log, Log{Level: "info", Format: "auto"}},
	}
	for _, c := range checks {
		if c.got != c.want {
			t.Errorf("%s is %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestPolicyOfExample(t *testing.T) {
	s := sendable(t)
	p, found := LoadPolicy(s.Policy, s)
	if p == nil || len(found) > 0 {
		t.Fatalf("users.example.yaml: %v", found)
	}
	user := func(name string) challenge.User { return p.Judge(challenge.Asked{Typed: name, Confirmed: name}).User }
	if got := user("AHMAD.SALEH "); got.Mobile.Reveal() != "+970599123456" || got.Code != challenge.CodeBoth || got.Remember != 30*day || got.Language != "ar" {
		t.Errorf("ahmad.saleh is %+v with mobile %s", got, got.Mobile.Reveal())
	}
	if got := user("ahmad@example.com").Name; got != "ahmad.saleh" {
		t.Errorf("the alias is %q", got)
	}
	if got := user("rana"); got.Mobile.Reveal() != "+970569123456" || got.Remember != 0 || got.Language != "en" || got.Place != s.Policy+":37" {
		t.Errorf("rana is %+v with mobile %s", got, got.Mobile.Reveal())
	}
	if got := user("sami"); got.Code != challenge.CodeEmail || !got.Admin || got.Email.Reveal() != "sami@example.com" {
		t.Errorf("sami is %+v", got)
	}
	if got := p.Judge(challenge.Asked{Typed: "kiosk", Confirmed: "kiosk"}).Exempt; got != challenge.ByOff {
		t.Errorf("kiosk enters by %q", got)
	}
	if got := p.Judge(challenge.Asked{Typed: "omar", Confirmed: "omar"}).Refusal; got != challenge.RefusedDisabled {
		t.Errorf("omar is refused as %q", got)
	}
	if got := p.Judge(challenge.Asked{Typed: "mallory", Confirmed: "mallory"}).Refusal; got != challenge.RefusedUnlisted {
		t.Errorf("mallory is refused as %q", got)
	}
}

func TestSecretFromFile(t *testing.T) {
	email := good + "email: {server: smtp://mail.example.com, from: door@example.com, user: door, password_file: mail.password}\n"
	path := write(t, "gateway.yaml", email)
	file := filepath.Join(filepath.Dir(path), "mail.password")
	if err := os.WriteFile(file, []byte("s3cret word \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, found := Load(path, fileOnly)
	if s == nil || len(found) > 0 {
		t.Fatal(found)
	}
	if got := s.Email.Password.Reveal(); got != "s3cret word " {
		t.Errorf("password is %q", got)
	}
	if !slices.Contains(s.Files, file) {
		t.Errorf("%s is not among the files to watch: %v", file, s.Files)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, found := Load(path, fileOnly); len(found) != 1 || !strings.Contains(found.Error(), "warning: mail.password may be read by everybody on this machine") {
		t.Errorf("a password that everybody may read: %v", found)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if s, found := Load(path, fileOnly); s != nil || !strings.Contains(found.Error(), "12:93: password_file "+file+": no such file") {
		t.Errorf("a missing password file: %v", found)
	}
}

func TestSecretInOpenFile(t *testing.T) {
	path := write(t, "gateway.yaml", good+"email: {server: smtp://mail.example.com, from: door@example.com, user: door, password: hunter2}\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s, found := Load(path, fileOnly)
	if s == nil || len(found) != 1 || !strings.Contains(found.Error(), "warning: password stands in a file that everybody on this machine may read") {
		t.Errorf("found %v", found)
	}
	if strings.Contains(found.Error(), "hunter2") {
		t.Error("the warning quotes the password")
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		if strings.Contains(fmt.Sprintf(verb, s), "hunter2") || strings.Contains(fmt.Sprintf(verb, *s.Email), "hunter2") {
			t.Errorf("%s of the settings shows the password", verb)
		}
	}
}

func TestOpenFiles(t *testing.T) {
	path := write(t, "gateway.yaml", strings.Replace(good, "insecure: true", "cert: door.pem, key: door.key", 1))
	certificate(t, filepath.Dir(path))
	if s, found := Load(path, fileOnly); s == nil || len(found) > 0 {
		t.Fatal(found)
	} else if len(s.Files) != 4 {
		t.Errorf("files to watch: %v, want the configuration, the policy, certificate and key", s.Files)
	}
	for _, name := range []string{"gateway.yaml", "door.key"} {
		if err := os.Chmod(filepath.Join(filepath.Dir(path), name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	_, found := Load(path, fileOnly)
	want := []string{
		"warning: everybody on this machine may change this file: run: chmod o-w gateway.yaml",
		"1:49: warning: the certificate's key may be read by everybody on this machine: run: chmod o-rwx door.key",
	}
	if got := said(found, path); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// The state's folder is the one that the gateway can write to, also where gateway.yaml is root's.
func TestSocketIsBesideTheState(t *testing.T) {
	base := "listen: {address: \":2\", insecure: true}\npublic_url: https://a.example\nupstream: {url: \"http://127.0.0.1:1\"}\n" +
		"login: {page: /l, path: /l, user: u, password: p, failure: {any: [{body: wrong}]}, confirm: {url: /c, signed_in: out}}\n"
	for _, c := range []struct{ text, want string }{
		{"", "doorcode.sock"},
		{"state: /var/lib/doorcode/doorcode.db\n", "/var/lib/doorcode/doorcode.sock"},
		{"state: /var/lib/doorcode/doorcode.db\nadmin: {socket: door.sock}\n", "door.sock"},
		{"admin: {socket: /run/door.sock}\n", "/run/door.sock"},
	} {
		path := write(t, "gateway.yaml", base+c.text)
		s, found := Load(path, fileOnly)
		if s == nil {
			t.Fatal(found)
		}
		want := c.want
		if !filepath.IsAbs(want) {
			want = filepath.Join(filepath.Dir(path), want)
		}
		if s.Admin.Socket != want || s.Admin.Shared {
			t.Errorf("%q: %+v, want %s", c.text, s.Admin, want)
		}
	}
}
