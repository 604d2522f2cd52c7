package sms

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"doorcode/challenge/secret"
)

// noSecret fails when text shows what a message or config holds.
func noSecret(t *testing.T, what, text string) {
	t.Helper()
	for _, hidden := range []string{
		testCode, "970599123456", "0599123456", "599123456", "٤٨١٩٢٢", "login code for", testPassword, "pass+word", "s3cret", testKey,
		url.QueryEscape(testPassword), percent(testPassword), base64.StdEncoding.EncodeToString([]byte("shop:" + testPassword)),
	} {
		if strings.Contains(text, hidden) {
			t.Errorf("%s shows %q: %s", what, hidden, text)
		}
	}
}

// Whatever the provider echoes, in whatever form, an error shows none of it, and still shows the provider's own words.
func TestThreat_C12_EchoedRequest(t *testing.T) {
	quoted, _ := json.Marshal(testText)
	echoes := map[string]string{
		"text":              testText,
		"text cut":          testText[:len(testText)-3],
		"text from within":  testText[9:30],
		"JSON":              `{"text":` + string(quoted) + `,"to":"` + testNumber + `"}`,
		"ASCII JSON":        strconv.QuoteToASCII(testText),
		"query":             url.Values{"text": {testText}, "to": {testNumber}, "pass": {testPassword}, "key": {testKey}}.Encode(),
		"number, spaced":    "+970 599 123 456",
		"number, hyphens":   "0599-123-456",
		"code alone":        testCode,
		"code, spaced":      "481 922",
		"code, Arabic":      "٤٨١٩٢٢",
		"password":          testPassword,
		"password, percent": percent(testPassword),
		"key":               testKey,
		"key in other case": strings.ToUpper(testKey),
		"basic":             "Basic " + base64.StdEncoding.EncodeToString([]byte("shop:"+testPassword)),
		"HTML":              "<b>s3cret &amp; pass+word</b>",
		"far back":          strings.Repeat("€", maskedRunes-70) + testPassword + strings.Repeat("€", 100),
	}
	for name, echo := range echoes {
		for _, status := range []int{200, 400} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				p := newPeer(t, replies(status, "Err 21211: "+echo+" ."))
				c := formConfig(t, p.URL)
				c.Headers = []Param{{Name: "X-Key", Value: template(t, testKey)}}
				c.BasicUser, c.BasicPassword = secret.New("shop"), secret.New(testPassword)
				err := newSender(t, c).Send(t.Context(), testMessage())
				if err == nil || !strings.Contains(err.Error(), "Err 21211") {
					t.Fatalf("Send: %v, want the provider's own words in it", err)
				}
				for _, verb := range []string{"%v", "%+v", "%#v"} {
					noSecret(t, verb, strings.ToLower(fmt.Sprintf(verb, err)))
					noSecret(t, verb, fmt.Sprintf(verb, err))
				}
			})
		}
	}
}

// What is no secret stays as it was written: without a sign-in the colon between its halves is none.
func TestAnswerKeepsItsColons(t *testing.T) {
	p := newPeer(t, replies(400, `{"code": 7, "text": "see http://a.b/c"}`))
	err := newSender(t, formConfig(t, p.URL)).Send(t.Context(), testMessage())
	if want := `answer "{\"code\": 7, \"text\": \"see http://a.b/c\"}"`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Send: %v, want it to say %s", err, want)
	}
}

// A secret that the cut through a long answer leaves the beginning of does not show, however much before it was masked.
func TestThreat_C12_SecretAtTheCut(t *testing.T) {
	for kept := 1; kept < window; kept++ {
		echo := strings.Repeat("1", maskedRunes-kept) + testPassword
		if got := newMasker([]string{testPassword}).excerpt([]byte(echo)); got != "…" {
			t.Errorf("%d runes before the cut: %q", kept, got)
		}
	}
}

// The values of a check are masked as well.
func TestThreat_C12_EchoedInJSON(t *testing.T) {
	p := newPeer(t, replies(200, `{"status":"refused `+testText[:36]+`"}`))
	c := formConfig(t, p.URL)
	c.Success = Success{JSON: []JSONCheck{{Pointer: pointer(t, "/status"), Equals: "sent"}}}
	err := newSender(t, c).Send(t.Context(), testMessage())
	if err == nil || !strings.Contains(err.Error(), `/status is "refused `) {
		t.Fatalf("Send: %v", err)
	}
	noSecret(t, "error", err.Error())
}

// No connection: net/http's errors must not bring the address with its parameters along.
func TestThreat_C12_NoAddressInErrors(t *testing.T) {
	c := formConfig(t, "http://"+closedPort(t)+"/send?key="+testKey+"&to={{.Number}}&text={{.Text}}")
	c.Form = nil
	err := newSender(t, c).Send(t.Context(), testMessage())
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Fatalf("Send: %v", err)
	}
	noSecret(t, "error", fmt.Sprintf("%v %+v", err, err))
}

func TestThreat_C12_ConfigPrintsNothing(t *testing.T) {
	p := newPeer(t, func(http.ResponseWriter, *http.Request) {})
	c := formConfig(t, p.URL+"/?key="+testKey)
	c.Headers = []Param{{Name: "Authorization", Value: template(t, "App "+testKey)}}
	c.BasicPassword, c.Bearer = secret.New(testPassword), secret.New(testKey)
	c.Proxy, _ = url.Parse("http://user:" + testKey + "@proxy")
	body, err := NewJSON(map[string]any{"k": testKey, "s": secret.New(testKey), "list": []any{testKey}})
	if err != nil {
		t.Fatal(err)
	}
	c.JSON = body
	m := testMessage()
	type owner struct {
		Config Config
		c      Config
		p      *Config
		params []Param
		json   JSON
	}
	for _, v := range []any{c, &c, c.Form, c.JSON, c.URL, &Sender{c: c}, m, owner{c, c, &c, c.Headers, body}, c.Check()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			noSecret(t, fmt.Sprintf("%s of %T", verb, v), fmt.Sprintf(verb, v))
		}
		if text, err := json.Marshal(v); err == nil {
			noSecret(t, fmt.Sprintf("JSON of %T", v), string(text))
		}
	}
	if _, err := New(c); err == nil {
		t.Error("New took a config with three ways to sign in")
	} else {
		noSecret(t, "error of New", err.Error())
	}
}

// Values of params are secrets, however short.
func TestThreat_C12_EchoedParams(t *testing.T) {
	p := newPeer(t, replies(400, "Err 7: no account sh0p with pin7"))
	c := formConfig(t, p.URL)
	c.Params = map[string]secret.Text{"account": secret.New("sh0p"), "password": secret.New("pin7")}
	c.Form = append(c.Form, Param{Name: "p", Value: template(t, "{{.Params.account}}:{{.Params.password}}")})
	err := newSender(t, c).Send(t.Context(), testMessage())
	if want := `answer "Err 7: no account … with …"`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Send: %v, want it to say %s", err, want)
	}
	if got := p.only(t).body; !strings.HasSuffix(got, "&p=sh0p%3Apin7") {
		t.Errorf("sent %q", got)
	}
}
