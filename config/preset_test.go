package config

import (
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

const (
	latin  = "Your login code for HESABATE: 481922 & do not share it + 100%"
	arabic = "رمز الدخول إلى حساباتي: 481922. لا تشاركه مع أحد."
)

func messageTo(number, text string) challenge.Message {
	return challenge.Message{To: secret.New(number), Text: secret.New(text), ID: "msg1", Language: "en"}
}

// What an answer must be taken as.
type outcome int

const (
	accepted outcome = iota
	account          // refused, and so is every other message
	message          // this message is refused
	unclear          // it may have been taken
)

type providerAnswer struct {
	status int
	body   string
	want   outcome
	says   string
}

// The providers as far as they are known: what they are sent, and what each of their answers means.
var presetCases = []struct {
	name, host, entry string
	url               string
	user, password    string
	latin, arabic     url.Values // beside the text
	number, text      string     // the fields that these go to
	wantNumber        string
	answers           []providerAnswer
}{
	{
		name: "hotsms", host: "hotsms.ps",
		entry: "preset: hotsms\nsender: HESABATE\nparams: {user_name: shop, user_pass: 'p {{.w}}&'}",
		url:   "https://hotsms.ps/sendbulksms.php", number: "mobile", text: "text", wantNumber: "970599123456",
		latin:  url.Values{"user_name": {"shop"}, "user_pass": {"p {{.w}}&"}, "sender": {"HESABATE"}, "type": {"0"}, "msg_id": {"YES"}},
		arabic: url.Values{"user_name": {"shop"}, "user_pass": {"p {{.w}}&"}, "sender": {"HESABATE"}, "type": {"2"}, "msg_id": {"YES"}},
		answers: []providerAnswer{
			{200, "1001", accepted, ""}, {200, "1001_83914\r\n", accepted, ""},
			{200, "1000", account, "the credit is used up"}, {200, "2000", account, "user name or password are wrong"},
			{200, "3000", account, "the type of the text"}, {200, "4000", account, "a field is missing"},
			{200, "5000", message, "the number is not supported"}, {200, "6000", account, "the sender's name is not defined"},
			{200, "10000", account, "this machine's address is not authorised"}, {200, "15000", account, "switched off in the portal"},
			{200, "10010", unclear, "does not match"}, {200, "", unclear, "the answer is empty"}, {200, "<html>busy</html>", unclear, "does not match"},
			{500, "1001", account, "the status is not"}, {504, "", unclear, "the status is not"},
		},
	},
	{
		name: "hotsms by token", host: "hotsms.ps",
		entry: "preset: hotsms\nname: main\nsender: HESABATE\nparams:\n  api_token_file: token",
		url:   "https://hotsms.ps/sendbulksms.php", number: "mobile", text: "text", wantNumber: "970599123456",
		latin:  url.Values{"api_token": {"t0ken-from-file"}, "sender": {"HESABATE"}, "type": {"0"}, "msg_id": {"YES"}},
		arabic: url.Values{"api_token": {"t0ken-from-file"}, "sender": {"HESABATE"}, "type": {"2"}, "msg_id": {"YES"}},
	},
	{
		name: "htd", host: "sms.htd.ps",
		entry: "preset: htd\nsender: HESABATE\nparams: {id: abc123}",
		url:   "https://sms.htd.ps/API/SendSMS.aspx", number: "to", text: "msg", wantNumber: "970599123456",
		latin:  url.Values{"id": {"abc123"}, "sender": {"HESABATE"}, "mode": {"0"}},
		arabic: url.Values{"id": {"abc123"}, "sender": {"HESABATE"}, "mode": {"0"}},
		answers: []providerAnswer{
			{200, "\ufeffMessage Sent Successfully", accepted, ""}, {200, "<span>Message Sent Successfully</span>", accepted, ""},
			{200, "Authentication Failed", account, "the id is wrong"}, {200, "Insufficient Credit", account, "the credit is used up"},
			{200, "Invalid Recipient", message, "the number is not one"}, {200, "IP Not Allowed", account, "address is not allowed"},
			{200, "Something New", unclear, "does not match"}, {200, "", unclear, "empty"}, {404, "not found", message, "the status is not"},
		},
	},
	{
		name: "twilio", host: "api.twilio.com",
		entry: "preset: twilio\nsender: '+15005550006'\nparams: {account_sid: AC0/1, auth_token: t0k:en}",
		url:   "https://api.twilio.com/2010-04-01/Accounts/AC0%2F1/Messages.json", user: "AC0/1", password: "t0k:en",
		number: "To", text: "Body", wantNumber: "+970599123456",
		latin:  url.Values{"From": {"+15005550006"}},
		arabic: url.Values{"From": {"+15005550006"}},
		answers: []providerAnswer{
			{201, `{"sid":"SM1","status":"queued"}`, accepted, ""}, {201, `{"sid":"SM1","status":"accepted"}`, accepted, ""},
			{400, `{"code":21211,"message":"The 'To' number is not a valid phone number.","status":400}`, message, "the number is not valid"},
			{400, `{"code":21608,"message":"The number is unverified.","status":400}`, message, "a trial account"},
			{400, `{"code":21658,"message":"too long","status":400}`, message, "the text is too long"},
			{401, `{"code":20003,"message":"Authenticate","status":401}`, account, "the status is not 201"},
			{201, `{"sid":"SM1","status":"failed"}`, unclear, "/status is"}, {200, `{"sid":"SM1","status":"queued"}`, unclear, "the status is not 201"},
			{201, "", unclear, "empty"},
		},
	},
	{
		name: "twilio by service", host: "api.twilio.com",
		entry: "preset: twilio\nparams: {account_sid: AC01, auth_token: token, messaging_service_sid: MG1}",
		url:   "https://api.twilio.com/2010-04-01/Accounts/AC01/Messages.json", user: "AC01", password: "token",
		number: "To", text: "Body", wantNumber: "+970599123456",
		latin:  url.Values{"MessagingServiceSid": {"MG1"}},
		arabic: url.Values{"MessagingServiceSid": {"MG1"}},
	},
	{
		name: "vonage", host: "rest.nexmo.com",
		entry: "preset: vonage\nsender: HESABATE\nparams: {api_key: k3y, api_secret: s3cret}",
		url:   "https://rest.nexmo.com/sms/json", user: "k3y", password: "s3cret", number: "to", text: "text", wantNumber: "970599123456",
		latin:  url.Values{"from": {"HESABATE"}, "type": {"text"}, "ttl": {"600000"}},
		arabic: url.Values{"from": {"HESABATE"}, "type": {"unicode"}, "ttl": {"600000"}},
		answers: []providerAnswer{
			{200, `{"message-count":"1","messages":[{"status":"0","message-id":"0A"}]}`, accepted, ""}, {200, `{"messages":[{"status":0}]}`, accepted, ""},
			{200, `{"messages":[{"status":"4","error-text":"Bad Credentials"}]}`, account, `Bad Credentials`},
			{200, `{"messages":[]}`, unclear, "no value"}, {200, "<html>", unclear, "not JSON"}, {200, "", unclear, "empty"},
			{401, `{}`, account, "the status is not"},
		},
	},
	{
		name: "unifonic", host: "el.cloud.unifonic.com",
		entry: "preset: unifonic\nsender: HESABATE\nparams: {app_sid: s1d}",
		url:   "https://el.cloud.unifonic.com/rest/SMS/messages", number: "Recipient", text: "Body", wantNumber: "970599123456",
		latin:  url.Values{"AppSid": {"s1d"}, "SenderID": {"HESABATE"}, "responseType": {"JSON"}, "CorrelationID": {"msg1"}, "async": {"false"}},
		arabic: url.Values{"AppSid": {"s1d"}, "SenderID": {"HESABATE"}, "responseType": {"JSON"}, "CorrelationID": {"msg1"}, "async": {"false"}},
		answers: []providerAnswer{
			{200, `{"success":true,"message":"","errorCode":"ER-00","data":{"MessageID":1}}`, accepted, ""},
			{200, `{"success":"true","errorCode":"ER-00"}`, accepted, ""}, // booleans as strings, as its bulk interface has them
			{200, `{"success":false,"message":"Invalid Recipient","errorCode":"ER-04"}`, message, "the number is not valid"},
			{200, `{"success":"false","errorCode":"ER-01"}`, account, "for the reason in errorCode"},
			{200, `{"success":true,"errorCode":"ER-99"}`, unclear, "/errorCode is"}, {200, "", unclear, "empty"},
		},
	},
}

func TestPresets(t *testing.T) {
	seen := map[string]bool{"mms-ps": true} // a template, see TestTemplateToFillIn
	for _, test := range presetCases {
		name, _, _ := strings.Cut(test.name, " ")
		seen[name] = true
		t.Run(test.name, func(t *testing.T) {
			p := newProvider(t, test.host)
			if err := os.WriteFile(filepath.Join(p.dir, "token"), []byte("t0ken-from-file\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			s := p.sender(t, test.entry)
			for text, want := range map[string]url.Values{latin: test.latin, arabic: test.arabic} {
				p.answers(200, "")
				if err := s.Send(t.Context(), messageTo("+970599123456", text)); err == nil {
					t.Error("an empty answer is a success")
				}
				got, want := p.only(t), maps.Clone(want)
				want[test.number], want[test.text] = []string{test.wantNumber}, []string{text}
				if got.method != "POST" || got.url != test.url || got.user != test.user || got.password != test.password || got.contentType != "application/x-www-form-urlencoded" {
					t.Errorf("sent %+v", got)
				}
				if !maps.EqualFunc(got.form, want, slices.Equal) {
					t.Errorf("sent the form\n%v, want\n%v", got.form, want)
				}
			}
			for _, answer := range test.answers {
				p.answers(answer.status, answer.body)
				judged(t, s.Send(t.Context(), messageTo("+972569123456", latin)), answer)
				p.only(t)
			}
		})
	}
	for name := range presets() {
		if !seen[name] {
			t.Errorf("preset %s has no test", name)
		}
	}
}

func judged(t *testing.T, err error, answer providerAnswer) {
	t.Helper()
	got := unclear
	switch {
	case err == nil:
		got = accepted
	case errors.Is(err, challenge.ErrRefused):
		got = message
	case errors.Is(err, challenge.ErrNotAccepted):
		got = account
	}
	if got != answer.want {
		t.Errorf("%d %q is taken as %d (%v), want %d", answer.status, answer.body, got, err, answer.want)
	}
	if err == nil {
		return
	}
	if !strings.Contains(err.Error(), answer.says) {
		t.Errorf("%d %q: %v does not say %q", answer.status, answer.body, err, answer.says)
	}
	for _, hidden := range []string{"481922", "569123456", "s3cret", "t0k:en"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%d %q: the error shows %s: %v", answer.status, answer.body, hidden, err)
		}
	}
}

// A provider that took the request and says nothing may have sent the message, whoever it is.
func TestPresetTimeout(t *testing.T) {
	for _, test := range presetCases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, test.host)
			if err := os.WriteFile(filepath.Join(p.dir, "token"), []byte("t0ken\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			p.hang = true
			err := p.sender(t, test.entry+"\ntimeout: 300ms").Send(t.Context(), messageTo("+970599123456", latin))
			if err == nil || errors.Is(err, challenge.ErrNotAccepted) || !strings.Contains(err.Error(), "no whole answer within 300ms") {
				t.Errorf("Send: %v, want it unclear", err)
			}
			p.only(t)
		})
	}
}

// Every key can be written beside the preset, and stands in its place.
func TestPresetOverridden(t *testing.T) {
	p := newProvider(t, "relay.example.com")
	s := p.sender(t, `
preset: vonage
url: https://relay.example.com/sms?k={{.Params.api_key}}
params: {api_key: k3y}
basic: {user: relay, password: word}
form: [{name: t, value: "{{.Text}}"}, {name: n, value: "{{.Number}}"}]
number: "00"
number_country: "972"
success: {body: ^fine}
encoding: {gsm: a, unicode: b}`)
	p.answers(200, "fine")
	if err := s.Send(t.Context(), messageTo("+970599123456", latin)); err != nil {
		t.Fatal(err)
	}
	got := p.only(t)
	if got.url != "https://relay.example.com/sms?k=k3y" || got.user != "relay" || got.form.Get("n") != "00972599123456" || len(got.form) != 2 {
		t.Errorf("sent %+v", got)
	}
}

const mmsTemplate = "../docs/mms-ps.example.yaml"

// The template for a provider that nothing is public about: as it is, every line to complete is named; completed it sends.
func TestTemplateToFillIn(t *testing.T) {
	text, err := os.ReadFile(mmsTemplate)
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, "gateway.yaml", good+string(text))
	_, found := Load(path, fileOnly)
	marked := 0
	for i, line := range strings.Split(good+string(text), "\n") {
		if !strings.Contains(line, mark) || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		marked++
		if !slices.ContainsFunc(found, func(p Problem) bool {
			return p.Line == i+1 && p.What == "this line is still to be filled in" && p.Want != ""
		}) {
			t.Errorf("line %d is not named: %s", i+1, line)
		}
	}
	if marked < 5 || len(found) != marked {
		t.Errorf("%d lines are marked, found %v", marked, found)
	}
	p := newProvider(t, "sms.example.com")
	_, entry, _ := strings.Cut(string(text), "  - ")
	for filled, with := range map[string]string{
		"the address": "https://sms.example.com/send", "the name of the account": "shop", "its field for the account": "user",
		"its field for the password": "pass", "its field for the number": "to", "its field for the text": "msg", "its field for the sender": "from",
		"the approved": "HESABATE", "e164": "e164_no_plus", "a pattern": "^OK", "its password": "word",
	} {
		at := strings.Index(entry, mark+": "+filled)
		if at < 0 {
			t.Fatalf("no line to fill in with %s", filled)
		}
		end := at + strings.IndexAny(entry[at:], "'\"")
		entry = entry[:at] + with + entry[end:]
	}
	p.answers(200, "OK 77")
	if err := p.sender(t, strings.ReplaceAll(entry, "\n    ", "\n")).Send(t.Context(), messageTo("+970599123456", arabic)); err != nil {
		t.Fatal(err)
	}
	if got := p.only(t).form; got.Get("to") != "970599123456" || got.Get("msg") != arabic || got.Get("pass") != "word" || got.Get("from") != "HESABATE" {
		t.Errorf("sent %v", got)
	}
}
