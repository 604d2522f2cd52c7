package reading

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The real PHP as the judge: what it makes of a name is what names.go says, and of a body that we accept it reads the same fields.

func php(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("runs php")
	}
	path, err := exec.LookPath("php")
	if err != nil && os.Getenv("DOORCODE_TEST_REQUIRE") == "all" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip("no php here: apt-get install php-cli")
	}
	return path
}

const flatten = `<?php
function flat($a, $p) { foreach ($a as $k => $v) { $n = $p === null ? (string)$k : $p."[".$k."]";
	if (is_array($v)) flat($v, $n); else echo base64_encode($n), ":", base64_encode($v), "\n"; } }
`

// phpField is a field as PHP has it: name with its keys in brackets.
type phpField struct{ name, value string }

func readPHP(t *testing.T, out []byte) []phpField {
	t.Helper()
	var list []phpField
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		n, err := base64.StdEncoding.DecodeString(name)
		v, err2 := base64.StdEncoding.DecodeString(value)
		if err != nil || err2 != nil {
			t.Fatalf("php says %q", out)
		}
		list = append(list, phpField{string(n), string(v)})
	}
	return list
}

func TestNamesAgainstPHP(t *testing.T) {
	script := filepath.Join(t.TempDir(), "names.php")
	// Each line of standard input is one query; "-" parts the answers.
	code := flatten + `while (($q = fgets(STDIN)) !== false) { $o = []; parse_str(rtrim($q, "\n"), $o); flat($o, null); echo "-\n"; }`
	if err := os.WriteFile(script, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{"user", " user", "user[", "user[a][b", "[user", "us\x00er", "user[\x00a]", "user[ a]", "us[er.x", "user[a]b", "\xe3.x", "user[[a]]"}
	for i := range 1000 {
		names = append(names, oddName().Example(i))
	}
	var in bytes.Buffer
	for _, name := range names {
		in.WriteString(url.QueryEscape(name) + "=1\n")
	}
	cmd := exec.Command(php(t), script)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(string(out), "-\n")
	for i, name := range names {
		list := readPHP(t, []byte(answers[i]))
		if len(list) == 0 {
			continue // PHP has no such field at all
		}
		// PHP's base name is the first key; a field of that name, and of the whole, must be taken for touched.
		base, _, _ := strings.Cut(list[0].name, "[")
		if got := keys(name)[0]; got != base {
			t.Errorf("keys(%q) begins with %q, PHP has %q", name, got, list[0].name)
		}
		if !touches(name, base) || !touches(name, list[0].name) {
			t.Errorf("%q is %q to PHP and touches it not", name, list[0].name)
		}
	}
}

// servePHP starts PHP's own server over one script and returns its address.
func servePHP(t *testing.T, code string) string {
	t.Helper()
	path := php(t)
	script := filepath.Join(t.TempDir(), "index.php")
	if err := os.WriteFile(script, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command(path, "-S", address, script)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "started") {
			go func() {
				for lines.Scan() { // or it would block on a full pipe
				}
			}()
			return "http://" + address
		}
	}
	t.Fatal("php -S did not start")
	return ""
}

// askPHP compares what ReadForm makes of a body with what PHP does; it returns false for a body that ReadForm refuses.
func askPHP(t *testing.T, address, contentType, body string) bool {
	t.Helper()
	form, raw, err := ReadForm(typed(contentType), strings.NewReader(body), 1<<20)
	if err != nil {
		return false
	}
	answer, err := http.Post(address, contentType, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var out bytes.Buffer
	if _, err = out.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	list := readPHP(t, out.Bytes())
	for _, f := range list {
		if got := form.Get(f.name); len(got) == 0 || got[len(got)-1] != f.value {
			t.Errorf("%s %q: PHP has %q = %q, we have %q", contentType, body, f.name, f.value, got)
		}
	}
	ours := 0
	for _, f := range form.fields {
		// PHP 8 has no field for a name that begins with a bracket or NUL; PHP 7 had _name.
		if base := strings.TrimLeft(f.name, " "); base != "" && base[0] != '[' && base[0] != 0 && f.file == nil {
			ours++
		}
	}
	if len(list) != ours {
		t.Errorf("%s %q: PHP has %q, we have %d", contentType, body, list, ours)
	}
	return true
}

// B3, B4: a body in each kind, with names and values of all sorts; what ReadForm accepts, PHP reads so.
func TestBodiesAgainstPHP(t *testing.T) {
	address := servePHP(t, flatten+`flat($_POST, null);`)
	values := []string{"", "1", "a b+c&d=e;f%41", "\x00\xff\r\n", "\n-B", "é\xe3", "--", "\r\n\r\n"}
	for i := range 150 {
		name, value := "n"+oddName().Example(i), values[i%len(values)]
		if i%3 == 0 {
			name = name[1:]
		}
		askPHP(t, address, typeURLEncoded, "x=1&"+url.QueryEscape(name)+"="+url.QueryEscape(value)+"&y=2")
		askPHP(t, address, typeFormData+"; boundary=B",
			parts(dispose+"\"x\"\r\n\r\n1", dispose+`"`+name+"\"\r\n\r\n"+value, dispose+"\"f\"; filename=\"f\"\r\nContent-Type: a/b\r\n\r\nz", dispose+"\"y\"\r\n\r\n2"))
	}
}

// The same with a piece that parsers disagree on put at every place of a multipart body.
func TestOddPartsAgainstPHP(t *testing.T) {
	address := servePHP(t, flatten+`flat($_POST, null);`)
	body := parts(dispose+"\"x\"\r\n\r\n1", dispose+"\"f\"; filename=\"f\"\r\n\r\nz")
	read := 0
	for at := range body {
		for _, piece := range []string{"\n", "\r", "\r\n", "--B", "\r\n--B", `"`, `\`, ";", "'", "=", "-", " "} {
			if askPHP(t, address, typeFormData+"; boundary=B", body[:at]+piece+body[at:]) {
				read++
			}
		}
	}
	if read == 0 {
		t.Error("no body was read")
	}
}
