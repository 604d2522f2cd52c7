package reading

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func inJSON(t testing.TB, user, password string) LoginFields {
	t.Helper()
	f, err := LoginFields{User: user, Password: password}.InJSON()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLoginFieldsInJSON(t *testing.T) {
	for _, c := range []struct {
		user, password string
		users          []string
		becomes, says  string
	}{
		{"username", "password", []string{"username"}, "password", ""},
		{"/username", "/password", []string{"username"}, "password", ""},
		{"/user/name", "/user/pass~1word", []string{"user[name]"}, "user[pass/word]", ""},
		{"user[name]", "password", []string{"user[name]"}, "password", ""},
		{"{{/company/code}}/{{user}}", "/password", []string{"company[code]", "user"}, "password", ""},
		{"/user//name", "password", nil, "", "no JSON pointer"},
		{"/", "password", nil, "", "no JSON pointer"},
		{"/user[name]", "password", nil, "", "no JSON pointer"},
		{"/login/value", "/password/value", nil, "", "taken for each other"},
		{"user", "/user/password", nil, "", "are one"},
		{"{{user", "password", nil, "", "without }}"},
	} {
		f, err := LoginFields{User: c.user, Password: c.password}.InJSON()
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) || f != (LoginFields{}) {
				t.Errorf("%q, %q: %v, %v; want an error with %q", c.user, c.password, f, err, c.says)
			}
			continue
		}
		users, password := f.Names()
		if err != nil || !f.JSON || !slices.Equal(users, c.users) || password != c.becomes {
			t.Errorf("%q, %q: %q, %q, %v; want %q, %q", c.user, c.password, users, password, err, c.users, c.becomes)
		}
	}
}

// B3, B4: which JSON logins are read, and as whom.
func TestReadJSONLogin(t *testing.T) {
	flat, nested := inJSON(t, "username", "password"), inJSON(t, "/user/name", "/user/password")
	const ok = `{"username":"alice","password":"p"}`
	deep := strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth)
	for _, c := range []struct {
		name         string
		fields       LoginFields
		media, query string
		body         string
		user         string
		err          error
	}{
		{"plain", flat, typeJSON, "", ok, "alice", nil},
		{"another media type", flat, "application/vnd.api+json; charset=utf-8", "lang=ar", ok, "alice", nil},
		{"escaped key and value", flat, typeJSON, "", `{"us\u0065rname":"\u0061lice","password":"p"}`, "alice", nil},
		{"pair of surrogates", flat, typeJSON, "", `{"username":"alice\ud83d\ude00","password":"p"}`, "alice😀", nil},
		{"other members", flat, typeJSON, "", `{"username":"alice","remember":true,"n":1e2,"password":"p","x":[1,{"y":null}],"z":{}}`, "alice", nil},
		{"nested", nested, typeJSON, "", `{"user":{"name":"alice","password":"p"},"lang":"ar"}`, "alice", nil},
		{"white space", flat, typeJSON, "", " \r\n\t" + ok + "\n", "alice", nil},

		{"a form", flat, typeURLEncoded, "", "username=alice&password=p", "", ErrUnreadable},
		{"text", flat, "text/plain", "", ok, "", ErrUnreadable},
		{"media type of odd characters", flat, `application/"x+json`, "", ok, "", ErrUnreadable},
		{"another charset", flat, "application/json; charset=windows-1256", "", ok, "", ErrUnreadable},
		{"charset twice", flat, "application/json; charset=utf-8; charset=utf-8", "", ok, "", ErrUnreadable},
		{"byte order mark", flat, typeJSON, "", "\xef\xbb\xbf" + ok, "", ErrUnreadable},
		{"UTF-16", flat, typeJSON, "", "{\x00\"\x00", "", ErrUnreadable},
		{"no UTF-8", flat, typeJSON, "", "{\"username\":\"alic\xe9\",\"password\":\"p\"}", "", ErrUnreadable},
		{"half a pair", flat, typeJSON, "", `{"username":"alice\ud83d","password":"p"}`, "", ErrUnreadable},
		{"the other half", flat, typeJSON, "", `{"username":"alice","password":"p","x":"\\\ude00"}`, "", ErrUnreadable},
		{"something behind", flat, typeJSON, "", ok + ok, "", ErrUnreadable},
		{"a list", flat, typeJSON, "", "[" + ok + "]", "", ErrUnreadable},
		{"comment", flat, typeJSON, "", `{/**/"username":"alice","password":"p"}`, "", ErrUnreadable},
		{"single quotes", flat, typeJSON, "", `{'username':'alice','password':'p'}`, "", ErrUnreadable},
		{"cut off", flat, typeJSON, "", `{"username":"alice","password":"p"`, "", ErrUnreadable},
		{"empty", flat, typeJSON, "", "", "", ErrUnreadable},
		{"deep", flat, typeJSON, "", `{"username":"alice","password":"p","x":` + deep + "}", "", ErrUnreadable},
		{"many", flat, typeJSON, "", `{"username":"alice","password":"p","x":[1` + strings.Repeat(",1", maxLoginFields) + "]}", "", ErrTooLarge},

		{"user twice", flat, typeJSON, "", `{"username":"mallory","password":"p","username":"alice"}`, "", ErrAmbiguous},
		{"user twice, once escaped", flat, typeJSON, "", `{"username":"mallory","password":"p","\u0075sername":"alice"}`, "", ErrAmbiguous},
		{"another key twice", flat, typeJSON, "", `{"username":"mallory","password":"p","x":{"y":1,"y":2}}`, "", ErrAmbiguous},
		{"in another case", flat, typeJSON, "", `{"username":"mallory","password":"p","UserName":"alice"}`, "", ErrAmbiguous},
		{"with the Kelvin sign's like", flat, typeJSON, "", `{"username":"mallory","password":"p","u\u017fername":"alice"}`, "", ErrAmbiguous},
		{"in another case alone", flat, typeJSON, "", `{"Username":"alice","password":"p"}`, "", ErrAmbiguous},
		{"space before", flat, typeJSON, "", `{"username":"mallory","password":"p"," username":"alice"}`, "", ErrAmbiguous},
		{"NUL behind", flat, typeJSON, "", `{"username":"mallory","password":"p","username\u0000":"alice"}`, "", ErrUnreadable},
		{"brackets in a key", nested, typeJSON, "", `{"user[name]":"alice","user":{"name":"mallory","password":"p"}}`, "", ErrUnreadable},
		{"wrapped as well", flat, typeJSON, "", `{"username":"mallory","password":"p","session":{"username":"alice"}}`, "", ErrAmbiguous},
		{"wrapped in a list", flat, typeJSON, "", `{"username":"mallory","password":"p","x":[{"username":"alice"}]}`, "", ErrAmbiguous},
		{"unwrapped as well", nested, typeJSON, "", `{"user":{"name":"mallory","password":"p"},"name":"alice"}`, "", ErrAmbiguous},
		{"a number", flat, typeJSON, "", `{"username":1000,"password":"p"}`, "", ErrUnreadable},
		{"null", flat, typeJSON, "", `{"username":null,"password":"p"}`, "", ErrUnreadable},
		{"a list for the user", flat, typeJSON, "", `{"username":["alice"],"password":"p"}`, "", ErrAmbiguous},
		{"an operator for the password", flat, typeJSON, "", `{"username":"alice","password":{"$ne":""}}`, "", ErrAmbiguous},
		{"an empty object for the password", flat, typeJSON, "", `{"username":"alice","password":{}}`, "", ErrUnreadable},
		{"NUL in the name", flat, typeJSON, "", `{"username":"alice\u0000","password":"p"}`, "", ErrUnreadable},
		{"in the query too", flat, typeJSON, "username=mallory", ok, "", ErrAmbiguous},
		{"nested, in the query too", nested, typeJSON, "user[name]=mallory", `{"user":{"name":"alice","password":"p"}}`, "", ErrAmbiguous},
		{"no password", flat, typeJSON, "", `{"username":"alice"}`, "", ErrUnreadable},
		{"neither", flat, typeJSON, "", `{"x":1}`, "", ErrNotLogin},
	} {
		l, err := ReadLogin(typed(c.media), c.query, strings.NewReader(c.body), 1<<16, c.fields)
		if !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
			continue
		}
		if err != nil {
			if strings.Contains(err.Error(), "alice") {
				t.Errorf("%s: error quotes what was sent: %v", c.name, err)
			}
			continue
		}
		if l.User() != c.user || l.Password().Reveal() != "p" {
			t.Errorf("%s: %q, want %q", c.name, l.User(), c.user)
		}
		checkRebuilt(t, l)
	}
}

// What goes up is what came, key by key and in the same order, with what the gateway set in it.
func TestEncodeJSONLogin(t *testing.T) {
	const body = `{"_method":"PUT","user":{"name":"<alice> \u0026","password":"p"},"sid":"x","tags":[1.50,[],"a"],"csrf":"old","device":{"csrf":1},"empty":{}}`
	l, err := ReadLogin(typed("application/vnd.api+json; charset=UTF8"), "", strings.NewReader(body), 1<<16, inJSON(t, "/user/name", "/user/password"))
	if err != nil {
		t.Fatal(err)
	}
	l.Set("csrf", `new "token"`)
	l.Set("user[name]", "mallory") // judged: stays
	l.Drop("SID")
	l.Fix("server", "2")
	l.Fix("region", `"2"`)
	l.Fix("db", "main")
	l.Fix("user[name]", "mallory")
	l.Fix("device[kind]", "null")
	const want = `{"user":{"name":"<alice> &","password":"p"},"tags":[1.50,[],"a"],"csrf":"new \"token\"","device":{"csrf":1,"kind":null},"empty":{},"server":2,"region":"2","db":"main"}`
	contentType, got := l.Encode()
	if string(got) != want || contentType != "application/vnd.api+json; charset=utf-8" {
		t.Errorf("%s\n%s, want\n%s", contentType, got, want)
	}
}

func FuzzReadJSONLogin(f *testing.F) {
	for _, body := range []string{
		`{"username":"alice","password":"p"}`, `{"username":"a","password":"p","x":{"y":[1,{"z":null}],"w":{}},"e":[]}`,
		`{"us\u0065rname":"\ud83d\ude00","password":"\\\""}`, `{"username":"a","password":"p","session":{"username":"b"}}`,
		`{"username":"a","password":"p","n":-0.0e-99,"t":true,"\u2028":"\u2028"}`, `{"username":{"$ne":1},"password":"p"}`, `{"username":"a","password":"p","x":{"0":1,"1":2}}`,
	} {
		f.Add(body, "")
	}
	fields := inJSON(f, "username", "password")
	f.Fuzz(func(t *testing.T, body, query string) {
		l, err := ReadLogin(typed(typeJSON), query, strings.NewReader(body), 1<<16, fields)
		if err != nil {
			if l != nil && !errors.Is(err, ErrNotLogin) {
				t.Errorf("%v with a login", err)
			}
			return
		}
		checkRebuilt(t, l)
		// An unsuspecting reader of what goes up finds who was judged.
		_, sent := l.Encode()
		var read struct {
			Username *string `json:"username"`
			Password *string `json:"password"`
		}
		if err := json.Unmarshal(sent, &read); err != nil || read.Username == nil || *read.Username != l.User() || *read.Password != l.Password().Reveal() {
			t.Errorf("%s: another reader finds %v, %v; judged %q", sent, read, err, l.User())
		}
		// Apart from an override of the method the values are those that came, numbers to the letter.
		if !strings.Contains(strings.ToLower(body), "method") && !strings.Contains(body, `\`) && !sameJSON(t, []byte(body), sent) {
			t.Errorf("%s went up as %s", body, sent)
		}
	})
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var list [2]any
	for i, raw := range [][]byte{a, b} {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&list[i]); err != nil {
			t.Fatal(err)
		}
	}
	x, _ := json.Marshal(list[0])
	y, _ := json.Marshal(list[1])
	return bytes.Equal(x, y)
}
