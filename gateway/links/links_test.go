package links

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

func parse(t testing.TB, addresses ...string) (all []*url.URL) {
	t.Helper()
	for _, a := range addresses {
		u, err := url.Parse(a)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

func rewriter(t testing.TB) *Rewriter {
	own := parse(t, "http://127.0.0.1:8081", "http://erp.lan", "https://old.example.com", "http://[fd00::1]:8081", "http://books.example.com")
	return New(own, parse(t, "https://books.example.com")[0])
}

var table = []struct{ page, want string }{
	{`<a href="http://127.0.0.1:8081/x?y=1">`, `<a href="https://books.example.com/x?y=1">`},
	{`<a href=http://127.0.0.1:8081>`, `<a href=https://books.example.com>`},
	{`<A HREF='HTTP://ERP.LAN/X'>`, `<A HREF='https://books.example.com/X'>`},
	{`http://erp.lan`, `https://books.example.com`},
	{`http://erp.lan:80/`, `https://books.example.com/`},
	{`http://erp.lan?a#b http://erp.lan#c`, `https://books.example.com?a#b https://books.example.com#c`},
	{`https://old.example.com:443/ https://old.example.com/`, `https://books.example.com/ https://books.example.com/`},
	{`http://[fd00::1]:8081/x`, `https://books.example.com/x`},
	{`http://books.example.com/x https://books.example.com/x`, `https://books.example.com/x https://books.example.com/x`},
	{`<img srcset="http://erp.lan/a.png 1x,http://erp.lan/b.png 2x">`, `<img srcset="https://books.example.com/a.png 1x,https://books.example.com/b.png 2x">`},
	{`<meta http-equiv=refresh content="0;url=http://erp.lan/a">`, `<meta http-equiv=refresh content="0;url=https://books.example.com/a">`},
	{`style="background:url(http://erp.lan/a.png)"`, `style="background:url(https://books.example.com/a.png)"`},
	{`<script>var base = "http:\/\/127.0.0.1:8081\/";</script>`, `<script>var base = "https:\/\/books.example.com\/";</script>`},
	{`"http:\u002F\u002Ferp.lan\u002F"`, `"https:\u002f\u002fbooks.example.com\u002F"`},
	{`href="http:&#x2F;&#x2F;erp.lan&#x2F;a"`, `href="https:&#x2f;&#x2f;books.example.com&#x2F;a"`},
	{`href="http:&#47;&#47;erp.lan"`, `href="https:&#47;&#47;books.example.com"`},
	{`/go?to=http%3A%2F%2F127.0.0.1%3A8081%2Fx&a=b`, `/go?to=https%3a%2f%2fbooks.example.com%2Fx&a=b`},
	{`/go?to=http%3a%2f%2ferp.lan&a=b`, `/go?to=https%3a%2f%2fbooks.example.com&a=b`},
	{`<script src="//erp.lan/a.js">`, `<script src="//books.example.com/a.js">`},
	{`"\/\/erp.lan\/a"`, `"\/\/books.example.com\/a"`},
	{`value="http://erp.lan"http://erp.lan'`, `value="https://books.example.com"https://books.example.com'`},

	// What is none of them.
	{`http://127.0.0.1:80810/ http://127.0.0.1:808/ http://127.0.0.1/`, ""},
	{`http://127.0.0.10:8081/ http://1127.0.0.1:8081/`, ""},
	{`http://erp.lan.example.com/ http://erp.land/ http://erp.lan-x/ http://erp.lan:8080/`, ""},
	{`http://erp.lan@evil.example/ http://erp.lan%40evil http://erp.lan%2eexample`, ""},
	{`http://user@erp.lan/ https://erp.lan/ ftp://erp.lan/ xhttp//erp.lan/`, ""},
	{`c://erp.lan/ x//erp.lan/ x //erp.lan.`, ""},
	{`to=http%3A%2F%2Ferp.lan%3A8080%2F http%3A%2F%2Ferp.lan.x`, ""},
	{`erp.lan 127.0.0.1:8081`, ""},
	{"\xff\xfe\x00h\x00t\x00t\x00p", ""},
	{"", ""},
}

func TestBytes(t *testing.T) {
	r := rewriter(t)
	for _, c := range table {
		want := c.want
		if want == "" {
			want = c.page
		}
		if got := string(r.Bytes([]byte(c.page))); got != want {
			t.Errorf("Bytes(%s)\n got %s\nwant %s", c.page, got, want)
		}
		if got, err := io.ReadAll(r.Reader(iotest.OneByteReader(strings.NewReader(c.page)))); string(got) != want || err != nil {
			t.Errorf("byte by byte %s\n got %s, %v\nwant %s", c.page, got, err, want)
		}
	}
}

// However a page is cut on its way, it comes out the same, and what has no own address in it byte for byte.
func TestChunks(t *testing.T) {
	r := rewriter(t)
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.OneOf(
			rapid.SampledFrom([]string{"http://erp.lan", "http://127.0.0.1:8081", `http:\/\/erp.lan`, "http%3A%2F%2Ferp.lan", "//erp.lan", ":80", ":8", "/", `"`, "%", "%2", ".", "h", "http:", "\xd9\x85"}),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
			rapid.Map(rapid.IntRange(4000, 4200), func(n int) string { return strings.Repeat("x", n) }),
		)).Draw(t, "pieces")
		page := strings.Join(pieces, "")
		whole := r.Bytes([]byte(page))
		if !bytes.Contains(bytes.ToLower([]byte(page)), []byte("erp.lan")) && !strings.Contains(page, "127.0.0.1") && string(whole) != page {
			t.Fatalf("%q became %q", page, whole)
		}
		got, err := io.ReadAll(r.Reader(&torn{rest: page, size: rapid.IntRange(1, 30).Draw(t, "size")}))
		if err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("torn: %q, %v; whole: %q", got, err, whole)
		}
	})
}

// torn hands a page out in pieces of a size.
type torn struct {
	rest string
	size int
}

func (r *torn) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:min(r.size, len(r.rest))])
	r.rest = r.rest[n:]
	return n, nil
}

// What a page has sent so far is passed on at once, but for what may be the beginning of an address.
func TestNothingIsHeldBack(t *testing.T) {
	r := rewriter(t)
	for _, c := range []struct{ sent, seen string }{
		{"<p>one</p>\n", "<p>one</p>\n"},
		{"<p>one</p>", "<p>one</p>"},
		{`<a href="http`, `<a href="`},
		{`<a href="http://erp.lan`, `<a href="`},
		{`<a href="http://erp.lan/`, `<a href="https://books.example.com`}, // "/" may go on as "//erp.lan"
		{`<a href="http://erp.lan/x`, `<a href="https://books.example.com/x`},
		{`<a href="http://else.`, `<a href="http://else.`},
	} {
		in, out := io.Pipe()
		t.Cleanup(func() { out.Close() })
		go func() { _, _ = io.WriteString(out, c.sent) }()
		got := make([]byte, 100)
		if n, err := r.Reader(in).Read(got); string(got[:n]) != c.seen || err != nil {
			t.Errorf("after %q: %q, %v; want %q", c.sent, got[:n], err, c.seen)
		}
	}
}

// An answer that broke off is broken off here too.
func TestBrokenOff(t *testing.T) {
	cut := io.MultiReader(strings.NewReader(`<a href="http://erp.lan`), iotest.ErrReader(io.ErrUnexpectedEOF))
	if got, err := io.ReadAll(rewriter(t).Reader(cut)); err != io.ErrUnexpectedEOF {
		t.Errorf("%q, %v; want %v", got, err, io.ErrUnexpectedEOF)
	}
}

func BenchmarkReader(b *testing.B) {
	r := rewriter(b)
	page := []byte(strings.Repeat(`<tr class="row"><td>1,250.00</td><td><a href="/invoice.php?id=17">الفاتورة</a> of http://example.com/</td></tr>`+"\n", 2000) +
		strings.Repeat(`<a href="http://127.0.0.1:8081/x">x</a>`, 20))
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.Copy(io.Discard, r.Reader(bytes.NewReader(page))); err != nil {
			b.Fatal(err)
		}
	}
}

// A page that is full of addresses costs what its length says.
func TestManyAddresses(t *testing.T) {
	r := rewriter(t)
	took := func(n int) time.Duration {
		began := time.Now()
		r.Bytes(bytes.Repeat([]byte(`<a href="http://books.example.com/x">`), n))
		return time.Since(began)
	}
	took(1000)
	if few, many := took(1000), took(20_000); many > 100*few+100*time.Millisecond {
		t.Errorf("1,000 addresses took %v, 20,000 %v", few, many)
	}
}
