package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
	partType = "multipart/form-data; boundary=XYZ"
)

func testNames() *Names {
	return New([]Pair{
		{Users: []string{"company", "username"}, Password: "password"},
		{Users: []string{"data[User][login]"}, Password: "data[User][pass]"},
	})
}

// read returns what a body hands out and how it ends, with every Read of at most step bytes; 0 is no limit.
func read(t *testing.T, contentType, body string, step int) (string, error) {
	t.Helper()
	var source io.Reader = strings.NewReader(body)
	if step > 0 {
		source = &stepReader{source, step}
	}
	r, err := testNames().Request().Body(http.Header{"Content-Type": {contentType}}, io.NopCloser(source))
	if err != nil {
		return "", err
	}
	out, err := io.ReadAll(r)
	return string(out), err
}

type stepReader struct {
	r    io.Reader
	step int
}

func (s *stepReader) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.step)]) }

func part(header string) string {
	return "--XYZ\r\nContent-Disposition: form-data; " + header + "\r\n\r\nvalue\r\n"
}

// TestThreat_B4_B6_B17_CredentialsInABody lists spellings, found and not found side by side. out is what may go up before it is
// found; "" is not compared.
func TestThreat_B4_B6_B17_CredentialsInABody(t *testing.T) {
	spaces := strings.Repeat("+", 100_000)
	long := strings.Repeat("x", 100_000)
	for _, test := range []struct {
		name, contentType, body string
		want                    error
		out                     string
	}{
		{"plain", formType, "username=a&password=b", ErrCredentials, "username=a&"},
		{"other order", formType, "password=b&x=y&username=a", ErrCredentials, "password=b&x=y&"},
		{"one of several users", formType, "company=b&password=a", ErrCredentials, "company=b&"},
		{"users alone", formType, "company=b&username=a", nil, ""},
		{"password twice", formType, "password=b&password=a", nil, ""},
		{"other names", formType, "usernames=a&passwords=b&xpassword=c&password_hint=", nil, ""},
		{"in values", formType, "x=username&y=password", nil, ""},
		{"far back", formType, "username=a&x=" + long + "&password=b", ErrCredentials, "username=a&x=" + long + "&"},
		{"no equals sign", formType, "username=a&password", ErrCredentials, "username=a&"},
		{"no equals sign, more behind", formType, "username&password&x", ErrCredentials, "username&"},
		{"case", formType, "UserName=a&PASSWORD=b", ErrCredentials, "UserName=a&"},
		{"percent", formType, "username=a&%70as%73word=b", ErrCredentials, "username=a&"},
		{"percent all", formType, "username=a&%70%61%73%73%77%6F%72%64=b", ErrCredentials, "username=a&"},
		{"percent u", formType, "username=a&%u0070assword=b", ErrCredentials, "username=a&"},
		{"full width", formType, "username=a&%EF%BD%90assword=b", ErrCredentials, "username=a&"},
		{"full width raw", formType, "username=a&ｐassword=b", ErrCredentials, "username=a&"},
		{"long s", formType, "username=a&pa%C5%BF%C5%BFword=b", ErrCredentials, "username=a&"},
		{"overlong UTF-8", formType, "username=a&%C1%B0assword=b", ErrCredentials, "username=a&"},
		{"IIS drops a lone percent", formType, "username=a&p%assword=b", ErrCredentials, "username=a&"},
		{"leading space", formType, "username=a& +%20%09password=b", ErrCredentials, "username=a& +%20%09"},
		{"much leading space", formType, "username=a&" + spaces + "password=b", ErrCredentials, "username=a&" + spaces},
		{"array", formType, "username=a&password[]=b", ErrCredentials, "username=a&"},
		{"array index", formType, "username=a&password%5Bx]=b", ErrCredentials, "username=a&"},
		{"NUL cuts", formType, "username=a&password%00xyz=b", ErrCredentials, "username=a&"},
		{"NUL within", formType, "username=a&pass%00word=b", ErrCredentials, "username=a&"},
		{"many NUL within", formType, "username=a&pass" + strings.Repeat("%00", 5000) + "word=b", ErrUnreadable, "username=a&"},
		{"trailing dot", formType, "username=a&password.=b", ErrCredentials, "username=a&"},
		{"trailing space", formType, "username=a&password+=b", ErrCredentials, "username=a&"},
		{"trailing dots without end", formType, "username=a&password" + strings.Repeat(".", 5000), ErrUnreadable, "username=a&"},
		{"semicolon", formType, "username=a;password=b", ErrCredentials, "username=a;"},
		{"line end", "text/plain", "username=a\r\npassword=b\r\n", ErrCredentials, "username=a\r\n"},
		{"unknown type", "application/x-strange", "username=a&password=b", ErrCredentials, "username=a&"},
		{"no type", "", "username=a&password=b", ErrCredentials, "username=a&"},
		{"byte order mark", formType, "\ufeffusername=a&password=b", ErrCredentials, ""},
		{"brackets", formType, "data[User][login]=a&data[User][pass]=b", ErrCredentials, "data[User][login]=a&"},
		{"brackets, folded", formType, "data[User][login]=a&data[ user][pass]x=b", ErrCredentials, "data[User][login]=a&"},
		{"brackets, deeper", formType, "data[User][login][]=a&data[User][pass][0]=b", ErrCredentials, ""},
		{"brackets, others", formType, "data[User][id]=a&data[User][mail]=b&data=c&pass=d&login=e", nil, ""},

		{"JSON", jsonType, `{"username":"a","password":"b"}`, ErrCredentials, `{"username":"a","`},
		{"JSON spaced", jsonType, "{ \"username\" : \"a\" ,\r\n\t\"password\" \r\n\t: \"b\" }", ErrCredentials, ""},
		{"JSON case", jsonType, `{"Username":"a","passWord":"b"}`, ErrCredentials, `{"Username":"a","`},
		{"JSON escapes", jsonType, `{"username":"a","\u0070ass\u0077ord":"b"}`, ErrCredentials, `{"username":"a","`},
		{"JSON full-width escape", jsonType, `{"username":"a","\uFF50assword":"b"}`, ErrCredentials, `{"username":"a","`},
		{"JSON values", jsonType, `{"a":"username","b":"password","c":["username","password"]}`, nil, ""},
		{"JSON in a value", jsonType, `{"a":"\"username\":1,\"password\":2"}`, nil, ""},
		{"JSON after an escaped quote", jsonType, `{"a":"\\","username":1,"b":"\"","password":2}`, ErrCredentials, ""},
		{"JSON nested", jsonType, `{"a":[{"username":1},{"b":{"password":2}}]}`, ErrCredentials, `{"a":[{"username":1},{"b":{"`},
		{"JSON key padded", jsonType, `{"username":1,"password"` + strings.Repeat(" ", 100_000) + ":2}", ErrCredentials, `{"username":1,"`},
		{"JSON under brackets' names", jsonType, `{"data":{"User":{"login":1,"pass":2}}}`, ErrCredentials, `{"data":{"User":{"login":1,"`},
		{"JSON, another type", "text/plain", `{"username":"a","password":"b"}`, ErrCredentials, `{"username":"a","`},
		{"JSON as form-data", partType, `{"username":"a","password":"b"}`, ErrCredentials, `{"username":"a","`},
		{"JSON in UTF-16", jsonType, utf16le(`{"username":"a","password":"b"}`), ErrCredentials, ""},
		{"JSON in UTF-16, escapes", jsonType, utf16le(`{"username":"a","\u0070assword":"b"}`), ErrCredentials, ""},
		{"JSON in UTF-16 behind a byte order mark", jsonType, "\xff\xfe" + utf16le(`{username:"a",'password':"b"}`), ErrCredentials, ""},
		{"JSON in big-endian UTF-16", jsonType, "\xfe\xff\x00" + utf16le(`{"username":"a","password":"b"}`), ErrCredentials, ""},
		{"JSON in UTF-16, a letter like a quote", jsonType, utf16le(`{"x":"`) + "\x00\"" + utf16le(`",username:"a",password:"b"}`), ErrCredentials, ""},
		{"form in UTF-16", formType, "\xff\xfe" + utf16le(`username=a&password=b`), ErrCredentials, ""},
		{"JSON single quotes", jsonType, `{'username':'a','password':'b'}`, ErrCredentials, `{'username':'a','`},
		{"JSON single quotes, escapes", jsonType, `{'username':'a','\u0070assword' : 'b'}`, ErrCredentials, `{'username':'a','`},
		{"JSON bare keys", jsonType, `{username:"a",password:"b"}`, ErrCredentials, `{username:"a",`},
		{"JSON bare keys spaced", jsonType, "[{ UserName : \"a\",\r\n\tpassword\r\n\t: \"b\" }]", ErrCredentials, "[{ UserName : \"a\",\r\n\t"},
		{"JSON bare keys, other type", "image/png", `{username:"a",password:"b"}`, ErrCredentials, ""},
		{"JSON bare keys as form-data", partType, `{username:"a",password:"b"}`, ErrCredentials, ""},
		{"JSON bare key behind an object", jsonType, `{"a":{},username:1,"b":[true,null,-1.5e3],password:2}`, ErrCredentials, ""},
		{"JSON bare key padded", jsonType, `{username` + strings.Repeat(" ", 100_000) + `:1,password` + strings.Repeat(" ", 100_000) + ":2}", ErrUnreadable, ""},
		{"JSON of Gson", jsonType, `{username="a";"password"=>"b"}`, ErrCredentials, `{username="a";"`},
		{"JSON comments", jsonType, `{"username"/*c*/:"a","password" //c` + "\n" + `:"b"}`, ErrCredentials, `{"username"/*c*/:"a","`},
		{"JSON comments in front", jsonType, "//x\n/* y **/ #z\n{/*c*/username:1,//c\npassword#c\n:2}", ErrCredentials, ""},
		{"JSON comment with quotes", jsonType, `{"username":1,"password"/*"*/:2}`, ErrCredentials, ""},
		{"JSON comment in which strings are turned round", jsonType, `{/*"*/username:1,/*"*/password:2}`, ErrCredentials, ""},
		{"JSON strings turned round by single quotes", jsonType, `{'"':1,username:1,password:2}`, ErrCredentials, ""},
		{"JSON strings turned round by a bare value", jsonType, `{"a":true",username:1,password:2}`, ErrCredentials, ""},
		{"JSON comments in UTF-16", jsonType, utf16le(`/*c*/{"username"/*c*/:1,"password"//` + "\n:2}"), ErrCredentials, ""},
		{"JSON slash that is no comment", jsonType, `{username/x:1,password/x:2}`, nil, ""},
		{"JSON in Shift JIS, half a letter like a backslash", jsonType + "; charset=Shift_JIS", "{\"x\":\"\x95\\\",username:1,'password':2}", ErrCredentials, ""},
		{"JSON prose", jsonType, `{"text":"{'username': 1, \"password\": 2} and, username: a, password: b\nusername = 'a'\npassword = 'b'"}`, nil, ""},
		{"JSON bare values", jsonType, `{a:username,b:password,c:['username',"password"]}`, nil, ""},
		{"prose", "text/plain", "Signing in, username: alice, password: secret.\n\nusername: 'alice'\npassword: 'secret'\n{username:1}", nil, ""},
		{"prose with a title", "text/plain", "# Title\nusername: alice\npassword: secret\n", nil, ""},
		{"XML elements", "text/xml", `<?xml version="1.0"?><m><username>a</username><password>b</password></m>`, ErrCredentials, ""},
		{"XML elements with prefixes", "text/xml", "<x:username a='1'>a</x:username>\n<x:password\n>b</x:password>", ErrCredentials, ""},
		{"XML attributes", "text/xml", `<m username="a" password="b"/>`, ErrCredentials, `<m username="a" `},
		{"XML attributes spaced", "text/xml", "<m\nusername\n= 'a'\n\tx:password = 'b'/>", ErrCredentials, ""},
		{"XML in UTF-16", "text/xml", "\xff\xfe" + utf16le(`<m username="a"><password>b</password></m>`), ErrCredentials, ""},
		{"XML prose", "text/xml", `<m>my username: a and password : b, the username and <b a="password">password</b> of user:  username </m>`, nil, ""},
		{"JSON twice", jsonType, `{"password":1,"password":2}`, nil, ""},

		{"parts", partType, part(`name="username"`) + part(`name="password"`), ErrCredentials, ""},
		{"parts unquoted", partType, part(`name=username`) + part(`name=password`), ErrCredentials, ""},
		{"parts single quotes", partType, part(`name='username'`) + part(`name='password'`), ErrCredentials, ""},
		{"parts case", partType, part(`NAME="username"`) + part(`Name="Password"`), ErrCredentials, ""},
		{"parts order", partType, part(`filename="x"; name="username"`) + part(`filename="x";name="password"`), ErrCredentials, ""},
		{"parts spaced", partType, part(`name = "username"`) + part("name\t=\t\"password\""), ErrCredentials, ""},
		{"parts folded", partType, part(`name="username"`) + part("\r\n name=\"password\""), ErrCredentials, ""},
		{"parts folded in the key", partType, part(`name="username"`) + part("na\r\nme=\"password\""), ErrCredentials, ""},
		{"parts folded in the value", partType, part(`name="username"`) + part("name=\"pass\r\nword\""), ErrCredentials, ""},
		{"parts quoted pair", partType, part(`name="username"`) + part(`name="pass\word"`), ErrCredentials, ""},
		{"parts array", partType, part(`name="username"`) + part(`name="password[]"`), ErrCredentials, ""},
		{"parts leading space", partType, part(`name="username"`) + part(`name="   password"`), ErrCredentials, ""},
		{"parts bare LF", partType, part(`name="username"`) + strings.ReplaceAll(part(`name="password"`), "\r", ""), ErrCredentials, ""},
		{"parts empty line of LF alone", partType, part(`name="username"`) + part("x=\"\n\n\"; name=\"password\""), ErrCredentials, ""},
		{"parts other boundary", partType, strings.ReplaceAll(part(`name="username"`)+part(`name="password"`), "XYZ", "ABC"), ErrCredentials, ""},
		{"parts long header", partType, part(`name="username"`) + part(`x="`+long+`"; name="password"`), ErrCredentials, ""},
		{"parts header cut by PHP", partType, part(`name="username"`) + "--XYZ\r\nX: " + long + "Content-Disposition: x; name=password\r\n\r\n", ErrCredentials, ""},
		{"parts name*", partType, part(`name="username"`) + part(`name*=utf-8''pass%77ord`), ErrUnreadable, ""},
		{"parts name*0", partType, part(`name*0="user"; name*1="name"`), ErrUnreadable, ""},
		{"parts encoded word", partType, part(`name="=?utf-8?q?=70assword?="`), ErrUnreadable, ""},
		{"parts values", partType, part(`name="a"`) + "name=\"username\"; name=\"password\"", nil, ""},
		{"parts files", partType, part(`name="a"; filename="username"`) + part(`name="b"; filename="password"; filename*=utf-8''password`), nil, ""},
		{"parts of a form in a file", partType, part(`name="a"`) + "x&username=a&password=b", nil, ""},
		{"parts behind a preamble", partType, "username=a&password=b" + part(`name="x"`), ErrCredentials, "username=a&"},
		{"parts, mixed", "multipart/mixed; boundary=XYZ", "--XYZ\r\n\r\n{\"username\":1,\"password\":2}", ErrCredentials, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := read(t, test.contentType, test.body, 0)
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v, after %.100q", err, test.want, out)
			}
			if err == nil && out != test.body {
				t.Errorf("handed out %.100q, want all", out)
			}
			if test.out != "" && out != test.out {
				t.Errorf("handed out %.200q, want %.200q", out, test.out)
			}
			if again, _ := read(t, test.contentType, test.body, 1); again != out {
				t.Errorf("byte by byte %.200q, at once %.200q", again, out)
			}
		})
	}
}

func utf16le(s string) string {
	var b bytes.Buffer
	for i := range len(s) {
		b.Write([]byte{s[i], 0})
	}
	return b.String()
}

// TestPagesAboutPasswordsAreSaved: a wiki's page may say what it likes, as browsers send it. Only names of fields count; in JSON, also what
// would be parameters of a form.
func TestPagesAboutPasswordsAreSaved(t *testing.T) {
	page := "{'username': 'alice', \"password\": \"x\"}\r\n<username>a</username> <m password='b'>\r\nusername: alice, password: x\r\n" +
		"{username:1, password:2} /*c*/ name=\"username\"; name=\"password\"\r\n\r\n"
	quoted, err := json.Marshal(map[string]string{"title": "username", "summary": "password", "text": page})
	if err != nil {
		t.Fatal(err)
	}
	page += "username=alice&password=x; username=a; password=b\r\n"
	for contentType, body := range map[string]string{
		formType:                     url.Values{"title": {"username"}, "summary": {"password"}, "wikitext": {page}}.Encode(),
		formType + "; charset=UTF-8": "text=" + strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "+", "%20").Replace(url.QueryEscape(page)),
		partType:                     part(`name="title"`) + strings.Replace(part(`name="wikitext"`), "value", page, 1) + "--XYZ--\r\n",
		jsonType:                     string(bytes.ReplaceAll(quoted, []byte("alice"), []byte("\u0645"))),
		jsonType + "; charset=utf-8": string(quoted[:len(quoted)-1]) + ",\n\t\"draft\" : false, \"n\": -1.5E+3 }",
	} {
		for _, step := range []int{0, 1, 7} {
			if out, err := read(t, contentType, body, step); err != nil || out != body {
				t.Errorf("%s, %d at a time: %v after %q", contentType, step, err, out)
			}
		}
	}
}

func TestNothingOfTheSecondNameGoesUp(t *testing.T) {
	body := part(`name="username"`) + part(`filename="x"; name="password"`)
	out, err := read(t, partType, body, 0)
	if !errors.Is(err, ErrCredentials) || !strings.HasSuffix(out, `name="`) || strings.Contains(out, "pass") {
		t.Errorf("got %v after %q", err, out)
	}
}

func TestScannerRemembersTheRequest(t *testing.T) {
	for _, test := range []struct {
		query, cookies, body string
		want                 string // where it is found
	}{
		{"username=a&password=b", "", "", "query"},
		{"username=a;password=b", "", "", "query"},
		{"username=a&%50assword", "", "", "query"},
		{"username=a", "password=b", "", "cookies"},
		{"", "x=1; password=b; username=a", "", "cookies"},
		{"username=a", "x=1", "password=b", "body"},
		{"", "username=a", `{"password":1}`, "body"},
		{"username=a", "company=c", "x=1", ""},
		{"x=1&y=password", "z=username", "password=1", ""},
	} {
		s, got := testNames().Request(), ""
		r, err := s.Body(http.Header{}, io.NopCloser(strings.NewReader(test.body)))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case s.Query(test.query):
			got = "query"
		case s.Cookies(test.cookies):
			got = "cookies"
		default:
			if _, err := io.ReadAll(r); errors.Is(err, ErrCredentials) {
				got = "body"
			}
		}
		if got != test.want {
			t.Errorf("%+v: found in %q", test, got)
		}
	}
}

func TestThreat_B3_BodiesThatCannotBeRead(t *testing.T) {
	for _, test := range []struct {
		header http.Header
		want   error
	}{
		{http.Header{"Content-Type": {formType}, "Content-Encoding": {"gzip"}}, ErrUnreadable},
		{http.Header{"Content-Type": {formType}, "Content-Encoding": {"identity, deflate"}}, ErrUnreadable},
		{http.Header{"Content-Type": {formType}, "Content-Encoding": {"", "br"}}, ErrUnreadable},
		{http.Header{"Content-Encoding": {"gzip"}}, ErrUnreadable},
		{http.Header{"Content-Type": {formType}, "Content-Encoding": {"Identity"}}, nil},
		{http.Header{"Content-Type": {"application/zip"}}, nil},
		{http.Header{"Content-Type": {"application/zip"}, "Content-Encoding": {"gzip"}}, ErrUnreadable},
		{http.Header{"Content-Type": {"image/png"}, "Content-Encoding": {"gzip"}}, ErrUnreadable},
		{http.Header{"Content-Type": {"image/svg+xml"}, "Content-Encoding": {"gzip"}}, ErrUnreadable},
		{http.Header{"Content-Type": {formType, jsonType}}, ErrUnreadable},
		{http.Header{"Content-Type": {formType + "; charset=UTF-8"}}, nil},
		{http.Header{"Content-Type": {formType + "; charset=windows-1256"}}, nil},
		{http.Header{"Content-Type": {jsonType + ";charset=\"utf-16\""}}, ErrUnreadable},
		{http.Header{"Content-Type": {formType + "; charset=IBM037"}}, ErrUnreadable},
		{http.Header{"Content-Type": {formType + "; charset = utf-7"}}, ErrUnreadable},
		{http.Header{"Content-Type": {formType + "; charset=utf-8, text/plain; charset=utf-32"}}, ErrUnreadable},
		{http.Header{"Content-Type": {"text/xml; charset=iso-2022-jp"}}, ErrUnreadable},
	} {
		_, err := testNames().Request().Body(test.header, io.NopCloser(strings.NewReader("x")))
		if !errors.Is(err, test.want) {
			t.Errorf("%v: %v, want %v", test.header, err, test.want)
		}
	}
}

// TestNothingIsKept: padding of any amount may not fill the memory.
func TestNothingIsKept(t *testing.T) {
	for name, pad := range map[string]string{"&+": "+", "&%20": "%20", `"`: " ", "&u%00": "%00", "\r\ncontent-disposition:": " name=", "&": "\x00", "{": " ", "<": " "} {
		source := io.MultiReader(strings.NewReader("x="+name), strings.NewReader(strings.Repeat(pad, 1<<20/len(pad))))
		r, err := testNames().Request().Body(http.Header{"Content-Type": {"multipart/mixed"}}, io.NopCloser(source))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyBuffer(onlyWriter{}, onlyReader{r}, make([]byte, 512)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if kept := cap(r.(*reader).buffer); kept > 4*maxHold {
			t.Errorf("%q: %d bytes kept", name, kept)
		}
	}
}

func TestReaderPassesOtherErrors(t *testing.T) {
	broken := errors.New("connection lost")
	source := io.MultiReader(strings.NewReader("x=1&pass"), iotest.ErrReader(broken))
	r, err := testNames().Request().Body(http.Header{}, io.NopCloser(source))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if !errors.Is(err, broken) || string(out) != "x=1&" {
		t.Errorf("got %q, %v", out, err)
	}
}

// pieces make bodies in which names, their beginnings and all that surrounds them stand in any order.
func pieces() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		piece := rapid.OneOf(
			rapid.SampledFrom([]string{"username", "password", "pass", "company", "%70assword", `\u0070assword`, "data[User][pass]", "login",
				"&", "=", ";", "\n", "\r\n", "\r\n\r\n", `"`, ":", ": ", " ", "+", "%20", "%00", "\x00", ".", "[", "]", "[]", "%", `\`, "{", "--",
				"'", ",", "}", "/*", "*/", "//", "#", "<", ">", "true", "{username:1,", "<m ",
				"Content-Disposition: form-data", "; name=", "name", `name="`, "*", "'", "=?", "%u00", "\xef\xbd\x90", "%EF%BD", "x"}),
			rapid.StringN(0, 5, 10),
		)
		return strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "pieces"), "")
	})
}

// TestCutsDoNotMatter: what is handed out and how it ends depends on the bytes of the body alone.
func TestCutsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		body := pieces().Draw(rt, "body")
		contentType := rapid.SampledFrom([]string{formType, jsonType, partType, "multipart/mixed", "image/png", "text/xml"}).Draw(rt, "type")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 9), 1, 20).Draw(rt, "sizes")
		if err := sameInPieces(contentType, body, sizes); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestOnlyTheFirstNameGoesUp holds what is handed out against Go's own reader of forms, whatever the padding.
func TestOnlyTheFirstNameGoesUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		junk := rapid.StringMatching(`(x[a-z0-9]{0,5}=[a-zA-Z%2+.]{0,20}&){0,5}`)
		first, second := "username", "password"
		if rapid.Bool().Draw(rt, "swap") {
			first, second = second, first
		}
		body := junk.Draw(rt, "before") + spell(rt, first) + "=a&" + junk.Draw(rt, "between") + spell(rt, second) + "=b&" + junk.Draw(rt, "behind")
		out, err := read(t, formType, body, rapid.IntRange(0, 5).Draw(rt, "step"))
		if !errors.Is(err, ErrCredentials) {
			rt.Fatalf("%v for %q", err, body)
		}
		if both(out) {
			rt.Fatalf("%q went up of %q", out, body)
		}
	})
}

// spell writes a name with any of its letters in another case or escaped.
func spell(t *rapid.T, name string) string {
	var out strings.Builder
	out.WriteString(rapid.StringMatching(`(\+|%20| ){0,3}`).Draw(t, "lead"))
	for _, c := range name {
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			out.WriteString(strings.ToUpper(string(c)))
		case 1:
			out.WriteString("%" + "67"[(c>>4)-6:(c>>4)-5] + "0123456789abcdef"[c&15:c&15+1])
		default:
			out.WriteRune(c)
		}
	}
	out.WriteString(rapid.SampledFrom([]string{"", "", "[]", "[x]", "%00", "."}).Draw(t, "tail"))
	return out.String()
}
