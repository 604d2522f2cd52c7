package reading

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// B13
func TestClient(t *testing.T) {
	trusted := prefixes("10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1/32", "fe80::/10")
	tests := []struct {
		name    string
		remote  string
		xff     []string
		trusted []netip.Prefix
		want    string // "" for the zero Addr
	}{
		{"direct", "203.0.113.9:4711", nil, trusted, "203.0.113.9"},
		{"direct, IPv6", "[2001:db8::9]:4711", nil, trusted, "2001:db8::9"},
		{"nobody is trusted by default", "10.0.0.1:80", []string{"203.0.113.9"}, nil, "10.0.0.1"},
		{"spoofed by a stranger", "203.0.113.9:80", []string{"10.0.0.7"}, trusted, "203.0.113.9"},
		{"one proxy", "10.0.0.1:80", []string{"203.0.113.9"}, trusted, "203.0.113.9"},
		{"spoofed before the proxy", "10.0.0.1:80", []string{"10.0.0.7, 192.168.1.1, 203.0.113.9"}, trusted, "203.0.113.9"},
		{"two proxies", "10.0.0.1:80", []string{"1.2.3.4, 203.0.113.9, 10.0.0.2"}, trusted, "203.0.113.9"},
		{"several headers, the last one first", "10.0.0.1:80", []string{"1.2.3.4", "203.0.113.9 , 10.0.0.2", "10.0.0.3"}, trusted, "203.0.113.9"},
		{"only proxies", "10.0.0.1:80", []string{"10.0.0.3, 10.0.0.2"}, trusted, "10.0.0.3"},
		{"no header from the proxy", "10.0.0.1:80", nil, trusted, "10.0.0.1"},
		{"empty header", "10.0.0.1:80", []string{"", " , ,"}, trusted, "10.0.0.1"},
		{"port", "10.0.0.1:80", []string{"203.0.113.9:5555"}, trusted, "203.0.113.9"},
		{"IPv6 with brackets and port", "10.0.0.1:80", []string{"[2001:db8::9]:5555"}, trusted, "2001:db8::9"},
		{"IPv6 with brackets", "10.0.0.1:80", []string{"[2001:db8::9]"}, trusted, "2001:db8::9"},
		{"IPv6 proxy", "[2001:db8:1::1]:80", []string{"2001:db8::9"}, trusted, "2001:db8::9"},
		{"zone", "[fe80::1%eth0]:80", []string{"203.0.113.9"}, trusted, "203.0.113.9"},
		{"zone of the client", "10.0.0.1:80", []string{"fe80::7%25x, fe80::9%eth1"}, prefixes("10.0.0.0/8"), "fe80::9"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:80", []string{"::ffff:203.0.113.9"}, trusted, "203.0.113.9"},
		{"garbage from a stranger's side", "10.0.0.1:80", []string{"garbage, 203.0.113.9"}, trusted, "203.0.113.9"},
		{"garbage in the client's place", "10.0.0.1:80", []string{"203.0.113.9, garbage"}, trusted, ""},
		{"unknown", "10.0.0.1:80", []string{"unknown"}, trusted, ""},
		{"half a bracket", "10.0.0.1:80", []string{"[2001:db8::9"}, trusted, ""},
		{"IPv4 in brackets", "10.0.0.1:80", []string{"[203.0.113.9]"}, trusted, ""},
		{"quoted", "10.0.0.1:80", []string{`"203.0.113.9"`}, trusted, ""},
		{"leading zeros", "10.0.0.1:80", []string{"203.0.113.009"}, trusted, ""},
		{"a name", "10.0.0.1:80", []string{"localhost"}, trusted, ""},
		{"a network", "10.0.0.1:80", []string{"203.0.113.0/24"}, trusted, ""},
		{"NUL", "10.0.0.1:80", []string{"203.0.113.9\x00"}, trusted, ""},
		{"unix socket", "@", []string{"203.0.113.9"}, trusted, ""},
		{"no remote", "", nil, trusted, ""},
		{"1 MB of address", "10.0.0.1:80", []string{strings.Repeat("1", 1<<20)}, trusted, ""},
		{"1 MB of proxies", "10.0.0.1:80", []string{strings.Repeat("10.0.0.2,", 1<<17)}, trusted, ""},
		{"1 MB of commas", "10.0.0.1:80", []string{strings.Repeat(",", 1<<20)}, trusted, ""},
		{"1 MB before the client", "10.0.0.1:80", []string{strings.Repeat("x,", 1<<19) + "203.0.113.9"}, trusted, "203.0.113.9"},
		{"trusting everybody", "203.0.113.9:1", []string{"198.51.100.7, 10.0.0.1"}, prefixes("0.0.0.0/0", "::/0"), "198.51.100.7"},
	}
	for _, test := range tests {
		want := netip.Addr{}
		if test.want != "" {
			want = netip.MustParseAddr(test.want)
		}
		if got := Client(test.remote, test.xff, test.trusted); got != want {
			t.Errorf("%s: %v, want %v", test.name, got, want)
		}
	}
}

// Whatever a stranger writes before what the proxy appends, he is who the proxy saw.
func TestClientIsWhoTheProxySaw(t *testing.T) {
	trusted := prefixes("10.0.0.0/8")
	rapid.Check(t, func(t *rapid.T) {
		forged := rapid.SliceOf(rapid.SampledFrom([]string{"10.0.0.1", ",", " ", "[::1]", "x", "203.0.113.1:80", "\x00", "10.0.0.2,"})).Draw(t, "forged")
		if got := Client("10.0.0.1:80", []string{strings.Join(forged, ""), strings.Join(forged, ",") + ", 203.0.113.9"}, trusted); got.String() != "203.0.113.9" {
			t.Errorf("behind %q: %v", forged, got)
		}
	})
}

func FuzzClient(f *testing.F) {
	f.Add("10.0.0.1:80", "203.0.113.9, [::1]:80")
	f.Add("[fe80::1%eth0]:80", "unknown,,")
	f.Fuzz(func(t *testing.T, remote, xff string) {
		got := Client(remote, []string{xff}, prefixes("10.0.0.0/8"))
		if got.Zone() != "" || got.Is4In6() {
			t.Errorf("Client(%q, %q) = %v", remote, xff, got)
		}
	})
}

func TestHost(t *testing.T) {
	public := []*url.URL{
		{Scheme: "https", Host: "books.example.com"},
		{Scheme: "https", Host: "Books.example.org:8443"},
		{Scheme: "http", Host: "192.168.1.5"},
		{Scheme: "http", Host: "[2001:db8::1]:8080"},
		{Scheme: "https", Host: "[2001:db8::2]"},
	}
	tests := []struct {
		host string
		want int // -1: none
	}{
		{"books.example.com", 0},
		{"BOOKS.Example.com", 0},
		{"books.example.com:443", 0},
		{"books.example.org:8443", 1},
		{"192.168.1.5", 2},
		{"192.168.1.5:80", 2},
		{"[2001:DB8::1]:8080", 3},
		{"[2001:db8::2]", 4},
		{"[2001:db8::2]:443", 4},
		{"", -1},
		{"books.example.com.", -1},
		{"books.example.com:80", -1},
		{"books.example.com:", -1},
		{"books.example.com:0443", -1},
		{"books.example.com:443:443", -1},
		{"books.example.org", -1},
		{"books.example.org:443", -1},
		{"192.168.1.5:443", -1},
		{"2001:db8::2", -1},
		{"[2001:db8::1]", -1},
		{"evil.com", -1},
		{"evil.com#books.example.com", -1},
		{"books.example.com@evil.com", -1},
		{"evil@books.example.com", -1},
		{"books.example.com/x", -1},
		{"books.example.com ", -1},
		{"books.example.com\x00", -1},
		{"books.example.com, evil.com", -1},
		{"xbooks.example.com", -1},
		{"boo\u212as.example.com", -1},
		{":443", -1},
	}
	for _, test := range tests {
		got, ok := Host(test.host, public)
		if ok != (test.want >= 0) || ok && got != public[test.want] || !ok && got != nil {
			t.Errorf("Host(%q) = %v, %v", test.host, got, ok)
		}
	}
}

func TestRelayed(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	tests := []struct {
		remote string
		header http.Header
		want   bool
	}{
		{"192.0.2.1:1", nil, false},
		{"192.0.2.1:1", http.Header{"X-Forwarded-For": {""}}, true},
		{"192.0.2.1:1", http.Header{"Via": {"1.1 office"}}, true},
		{"192.0.2.1:1", http.Header{"Forwarded": {"for=x"}}, true},
		{"10.0.0.1:1", nil, false},
		{"10.0.0.1:1", http.Header{"Via": {"1.1 door"}}, false}, // the known proxy's own
		{"10.0.0.1:1", http.Header{"X-Forwarded-For": {"192.0.2.1"}}, false},
		{"10.0.0.1:1", http.Header{"X-Forwarded-For": {" , 192.0.2.1, 10.0.0.2"}}, false},
		{"10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.7, 192.0.2.1"}}, true},
		{"10.0.0.1:1", http.Header{"X-Forwarded-For": {"nobody, 192.0.2.1"}}, true},
		{"10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.7", "192.0.2.1"}}, true},
		{"10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.7", "192.0.2.1, 10.0.0.2"}}, true},
		{"10.0.0.1:1", http.Header{"X-Forwarded-For": {"192.0.2.1", "10.0.0.2"}}, false},
		{"10.0.0.1:1", http.Header{"X-Forwarded-For": {"10.0.0.3, 10.0.0.2"}}, false},
	}
	for _, test := range tests {
		if got := Relayed(test.remote, test.header, trusted); got != test.want {
			t.Errorf("Relayed(%s, %v) = %v, want %v", test.remote, test.header, got, test.want)
		}
	}
}
