package challenge

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"doorcode/challenge/secret"
	"doorcode/templates"
)

// compose words the messages of c, one for each route of to in their order, before anything is written or charged: a template that does not
// hold must not cost the user a send. u is from the policy of now, which alone says where codes go; what else the login brought is data
// to templates, which takes line ends and marks out of it (C4).
func (d *Door) compose(set *setup, c Challenge, u User, to []Route) ([]Message, error) {
	code, err := d.openCode(c.ID, c.Code)
	if err != nil {
		return nil, err
	}
	text, err := set.texts.Message(c.Language, templates.MessageData{
		AppName: set.Name, Code: code.Reveal(), Host: boundHost(c.Host), Minutes: minutes(c.ExpiresAt.Sub(d.now())),
		Address: addressText(c.Address), Agent: agentName(c.Agent), When: whenText(c.CreatedAt, set.location()), User: c.Name,
	})
	if err != nil {
		return nil, fmt.Errorf("word the message in %q: %w", c.Language, err)
	}
	messages := make([]Message, len(to))
	for i, r := range to {
		m := Message{To: u.destination(r.Channel), Language: c.Language, ID: newSendID()}
		if r.Channel == SMS {
			m.Text = secret.New(chooseSMS(text.SMS, code))
		} else {
			m.Subject, m.Text, m.HTML = secret.New(text.Subject), secret.New(text.Text), secret.New(text.HTML)
		}
		messages[i] = m
	}
	return messages, nil
}

// chooseSMS takes the first of the variants, which stand longest first, that fits one segment and ends in the origin-bound line;
// else the first that fits one segment; else the one of the fewest segments. Phones fill in a code only for the host of that line,
// so a page that relays codes gets none from them (C8).
func chooseSMS(variants []string, code secret.Text) string {
	best, chosen := 0, ""
	for _, v := range variants {
		count, _ := Segments(v)
		n := 2 * count
		last := v[strings.LastIndexByte(v, '\n')+1:]
		if !strings.HasPrefix(last, "@") || !strings.HasSuffix(last, " #"+code.Reveal()) {
			n++ // of two that fit alike the bound one is better
		}
		if best == 0 || n < best {
			best, chosen = n, v
		}
	}
	return chosen
}

// minutes rounds to what a person is told, at least one.
func minutes(left time.Duration) int { return max(1, int(left.Round(time.Minute)/time.Minute)) }

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().WithZone("").String()
}

func whenText(at time.Time, zone *time.Location) string {
	return at.In(zone).Format("2006-01-02 15:04 MST")
}

// boundHost returns the host as messages name it, without port; "" for what is no host name. It comes from the configuration, never
// from the request (E9), and is looked at all the same: it is where the message tells people to go.
func boundHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	odd := func(r rune) bool {
		return r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if strings.ContainsFunc(host, odd) {
		return ""
	}
	return host
}

// The browsers and systems that messages name. More specific ones stand first, since Edge calls itself Chrome and Chrome Safari.
// A library that knows more names makes up one from the text for those it does not know, and that text is the attacker's: he must
// not write into a message that comes from us (C4).
var (
	agents = [...][2]string{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = [...][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	}
)

// agentName is how a person would call the browser: "Firefox, Windows"; "" for one that is on no list.
func agentName(agent string) string {
	var parts []string
	for _, list := range [][][2]string{agents[:], systems[:]} {
		for _, known := range list {
			if strings.Contains(agent, known[0]) {
				parts = append(parts, known[1])
				break
			}
		}
	}
	return strings.Join(parts, ", ")
}
