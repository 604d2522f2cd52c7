package sms

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"doorcode/challenge/secret"
)

func TestParseTemplate(t *testing.T) {
	v := values{Number: "+970", Text: "hi", ID: "7"}
	for in, want := range map[string]string{
		"":                             "",
		"plain":                        "plain",
		"{{.Number}}:{{ .Text }}":      "+970:hi",
		"a {{- .ID -}} b":              "a7b",
		`{{"{{"}}x}}`:                  "{{x}}",
		"{{/* of the shop */}}{{.ID}}": "7",
	} {
		parsed, err := ParseTemplate(in)
		if err != nil {
			t.Errorf("ParseTemplate(%q): %v", in, err)
		} else if got := parsed.render(v, asItIs); got != want {
			t.Errorf("%q renders %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{
		"{{.Code}}", "{{.Number.X}}", "{{", "{{}}", "{{.Number", "{{html .Text}}", "{{.Text | html}}", `{{printf "%s" .Text}}`,
		"{{if .Text}}x{{end}}", "{{range 1000000000}}x{{end}}", "{{$x := .Text}}", "{{.}}", "{{1}}", "{{nil}}", "{{(.Text)}}",
		`{{define "x"}}{{end}}`, `{{template "x"}}`, "{{.number}}", "{{.Text .ID}}", "{{break}}",
	} {
		if _, err := ParseTemplate(in); err == nil {
			t.Errorf("ParseTemplate(%q) took it", in)
		}
	}
	if _, err := ParseTemplate("hunter2 {{hunter2}} {{.Code}}"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v repeats what may be a password", err)
	}
}

func TestParseURL(t *testing.T) {
	for _, in := range []string{
		"https://sms.example.com", "https://sms.example.com/send?to={{.Number}}", "http://10.0.0.1:13013/cgi-bin/sendsms",
		"https://sms.example.com?to={{.Number}}", "http://[::1]:80/{{.Text}}",
	} {
		if _, err := ParseURL(in); err != nil {
			t.Errorf("ParseURL(%q): %v", in, err)
		}
	}
	for _, in := range []string{
		"", "sms.example.com/send", "ftp://sms.example.com/", "https:///send", "https://user:hunter2@sms.example.com/",
		"{{.Text}}", "https://{{.Host}}/send", "https://sms.{{.Host}}", "https://sms.example.com:{{.ID}}/", "https://sms.example.com{{.ID}}",
		"{{.Text}}://x/", "https://sms.example.com/#{{.Text}}", "https://a b/", "https://x/%zz?hunter2", "/send",
	} {
		_, err := ParseURL(in)
		if err == nil {
			t.Errorf("ParseURL(%q) took it", in)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ParseURL(%q): %v", in, err)
		}
	}
}

// No value, however odd, changes host, path segments or the number of parameters (C4).
func TestThreat_C4_ValuesStayInTheirPlace(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		v := values{Text: rapid.String().Draw(r, "text"), ID: rapid.String().Draw(r, "id")}
		u, err := url.Parse(address(t, "https://sms.example.com/a/{{.ID}}/b?x={{.Text}}&y=1").render(v, percent))
		if err != nil {
			r.Fatal(err)
		}
		query := u.Query()
		if u.Host != "sms.example.com" || strings.Count(u.EscapedPath(), "/") != 3 || u.Fragment != "" {
			r.Fatalf("address %s", u)
		}
		if len(query) != 2 || query.Get("x") != v.Text || query.Get("y") != "1" || u.Path != "/a/"+v.ID+"/b" {
			r.Fatalf("query %q for text %q", u.RawQuery, v.Text)
		}
	})
}

func TestNumberFormat(t *testing.T) {
	tests := []struct{ form, country, number, want string }{
		{"", "", "+970599123456", "+970599123456"},
		{"e164", "", "+970599123456", "+970599123456"},
		{"e164_no_plus", "", "+970599123456", "970599123456"},
		{"00", "", "+970599123456", "00970599123456"},
		{"national", "", "+970599123456", "0599123456"},
		{"national", "", "+972599123456", "0599123456"},
		{"national", "", "+962790123456", "0790123456"},
		{"national", "", "+12015550123", "2015550123"},
		{"e164_no_plus", "972", "+970599123456", "972599123456"},
		{"e164_no_plus", "970", "+972569123456", "970569123456"},
		{"e164", "970", "+970569123456", "+970569123456"},
		{"national", "972", "+970599123456", "0599123456"},
		{"e164", "970", "+972521234567", "+972521234567"}, // an Israeli mobile is nobody's in Palestine
		{"e164", "972", "+97022960000", "+97022960000"},   // a landline
		{"e164", "972", "+962790123456", "+962790123456"},
	}
	for _, test := range tests {
		got, err := number(t, test.form, test.country).Apply(test.number)
		if err != nil || got != test.want {
			t.Errorf("%s as %s %s = %q, %v, want %q", test.number, test.form, test.country, got, err, test.want)
		}
	}
	for _, bad := range [][2]string{{"E164", ""}, {"+", ""}, {"e164", "971"}, {"", "+970"}} {
		if _, err := ParseNumberFormat(bad[0], bad[1]); err == nil {
			t.Errorf("ParseNumberFormat(%q, %q) took it", bad[0], bad[1])
		}
	}
}

func TestParseStatus(t *testing.T) {
	for in, want := range map[string]Status{
		"": {}, "200": {200, 200}, "2xx": {200, 299}, "2XX": {200, 299}, "200-204": {200, 204}, "200 - 204": {200, 204}, "302": {302, 302},
	} {
		if got, err := ParseStatus(in); err != nil || got != want {
			t.Errorf("ParseStatus(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"OK", "20", "199", "600", "204-200", "xx", "1xx", "200-", "200,201"} {
		if _, err := ParseStatus(in); err == nil {
			t.Errorf("ParseStatus(%q) took it", in)
		}
	}
}

// The examples of RFC 6901 §5, as far as they point at a string, number or boolean.
func TestPointer(t *testing.T) {
	tree, err := wholeJSON([]byte(`{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"~1":9,"t":true,"nil":null,"s":" x "}`))
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"/foo/0": "bar", "/": "0", "/a~1b": "1", "/c%d": "2", "/e^f": "3", "/g|h": "4", `/i\j`: "5", `/k"l`: "6", "/ ": "7",
		"/m~0n": "8", "/~01": "9", "/t": "true", "/s": "x",
	} {
		p := pointer(t, in)
		if got, ok := p.find(tree); !ok || got != want || p.String() != in {
			t.Errorf("%q (%v) finds %q, %v, want %q", in, p, got, ok, want)
		}
	}
	for _, in := range []string{"", "/foo", "/foo/2", "/foo/-", "/foo/00", "/foo/+0", "/foo/-1", "/foo/0/x", "/none", "/none/x", "/nil"} {
		if got, ok := pointer(t, in).find(tree); ok {
			t.Errorf("%q finds %q, want nothing", in, got)
		}
	}
	for _, in := range []string{"foo", "/~", "/~2", "/a~", "#/foo"} {
		if _, err := ParsePointer(in); err == nil {
			t.Errorf("ParsePointer(%q) took it", in)
		}
	}
}

func TestTypeOfText(t *testing.T) {
	c := formConfig(t, "https://sms.example.com")
	c.Encoding = Encoding{GSM: "g", Unicode: "u"}
	s := newSender(t, c)
	for text, want := range map[string]bool{
		"Your code: 123456\n@a.example #123456": true, "€ {x} [y] ~ |": true, "é à ñ": true,
		"رمز": false, "`": false, "“quoted”": false, "ç": false, "\u2066": false,
	} {
		m := testMessage()
		m.Text = secret.New(text)
		if v, err := s.values(m); err != nil || (v.Type == "g") != want {
			t.Errorf("%q is of type %q (%v), want GSM %v", text, v.Type, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	body, err := ParseJSON(`{"t":"{{.Text}}{{.Secret}}"}`)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, want string
		change     func(*Config)
	}{
		{"as it should be", "", func(*Config) {}},
		{"no name", "name: ", func(c *Config) { c.Name = "" }},
		{"no address", "url: an address", func(c *Config) { c.URL = Template{} }},
		{"an address from ParseTemplate", "url: the address must begin", func(c *Config) { c.URL = template(t, "sms.example.com/") }},
		{"secret in the address", "url: {{.Secret}}", func(c *Config) { c.URL = template(t, "http://a/?k={{.Secret}}") }},
		{"status alone", "success: body or json is missing", func(c *Config) { c.Success = Success{Status: Status{200, 200}} }},
		{"a pattern for everything", "success.body: the pattern matches every answer", func(c *Config) { c.Success.Body = regexp.MustCompile(`.*`) }},
		{"a check for nothing", "success.json[0]: equals or matches", func(c *Config) { c.Success.JSON = make([]JSONCheck, 1) }},
		{"a check for everything", "success.json[0]: the pattern", func(c *Config) {
			c.Success.JSON = []JSONCheck{{Matches: regexp.MustCompile("x?")}}
		}},
		{"a check twice", "success.json[0]: equals and matches", func(c *Config) {
			c.Success.JSON = []JSONCheck{{Equals: "1", Matches: regexp.MustCompile("1")}}
		}},
		{"no text", "url: {{.Text}} stands nowhere", func(c *Config) { c.Form = c.Form[:3] }},
		{"no number", "url: {{.Number}} stands nowhere", func(c *Config) { c.Form = c.Form[3:] }},
		{"type without values", "encoding: ", func(c *Config) { c.Form[0].Value = template(t, "{{.Type}}") }},
		{"method", `method: "post"`, func(c *Config) { c.Method = "post" }},
		{"GET with a form", "method: GET carries no", func(c *Config) { c.Method = "GET" }},
		{"two bodies", "form: form and json", func(c *Config) { c.JSON = body }},
		{"secret in JSON", "json: {{.Secret}}", func(c *Config) { c.JSON = body }},
		{"param without a name", "form[0]: a name", func(c *Config) { c.Form[0].Name = "" }},
		{"param without a value", "query[0]: a value", func(c *Config) { c.Query = []Param{{Name: "x"}} }},
		{"secret without a file", "query[0]: {{.Secret}}", func(c *Config) { c.Query = []Param{{Name: "x", Value: template(t, "{{.Secret}}")}} }},
		{"header name", "headers[0]: \"X Y\"", func(c *Config) { c.Headers = []Param{{Name: "X Y", Value: template(t, "1")}} }},
		{"header value", "headers[0]: the value has a line break", func(c *Config) { c.Headers = []Param{{Name: "X", Value: template(t, "1\r\nY: 2")}} }},
		{"header value from a file", "headers[0]: the value has a line break", func(c *Config) { c.Headers = []Param{{Name: "X", Secret: secret.New("k\n")}} }},
		{"framing", "headers[0]: Transfer-Encoding is set", func(c *Config) { c.Headers = []Param{{Name: "Transfer-Encoding", Value: template(t, "chunked")}} }},
		{"token", "bearer: ", func(c *Config) { c.Bearer = secret.New("k\n") }},
		{"basic without a user", "basic: the user is missing", func(c *Config) { c.BasicPassword = secret.New("x") }},
		{"basic with a colon", "basic: the user has a colon", func(c *Config) { c.BasicUser = secret.New("a:b") }},
		{"two sign-ins", "exclude each other", func(c *Config) { c.BasicUser, c.Bearer = secret.New("a"), secret.New("b") }},
		{"timeout", "timeout: 11s", func(c *Config) { c.Timeout = MaxTimeout + 1e9 }},
		{"proxy", "proxy: ", func(c *Config) { c.Proxy = &url.URL{Scheme: "ftp", Host: "x"} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := formConfig(t, "https://sms.example.com/send")
			test.change(&c)
			_, err := New(c)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New: %v, want it to say %q", err, test.want)
			}
		})
	}
}

// Nothing of any secret may survive the mask, wherever a provider cuts it, and the mask must not fail on any bytes.
func FuzzExcerpt(f *testing.F) {
	f.Add([]byte("1000 refused "), "123456", 3)
	f.Add([]byte("\xff\xd9"), "٤٨١٩٢٢ رمز الدخول", 1)
	f.Add([]byte("12 34-56"), "İstanbul parola", 0)
	f.Fuzz(func(t *testing.T, answer []byte, hidden string, at int) {
		m := newMasker([]string{hidden})
		at = max(0, min(at, len(answer)))
		got := m.excerpt(append(append(append([]byte{}, answer[:at]...), hidden...), answer[at:]...))
		if len(got) > excerptBytes {
			t.Errorf("%d bytes", len(got))
		}
		if len([]rune(hidden)) >= window && strings.TrimSpace(hidden) == hidden && strings.Contains(got, hidden) {
			t.Errorf("excerpt %q shows %q", got, hidden)
		}
	})
}
