package templates

import (
	"fmt"
	"strings"
)

// Warning is what a message is made of that tells somebody of an attack on an account, or of what could become one. It carries no code and no link: whoever
// forges one has nothing in it to collect. Every field is data, as in MessageData.
type Warning struct {
	Kind    WarningKind
	AppName string // what the application is called; "" is Host
	Host    string
	User    string // whose account it is; several names in one text where a browser was shared
	Count   int    // how many wrong codes, or SMS
	Limit   int    // how many SMS there may be
	Address string // where the attempt came from
	Agent   string
	When    string
}

// WarningKind names what a warning is about and to whom it speaks.
type WarningKind string

// The kinds of warning.
const (
	WrongCodes     WarningKind = "wrong_codes"    // to the user: somebody enters wrong codes, so the password is known
	WrongCodesOf   WarningKind = "wrong_codes_of" // to an admin, of that user
	CopiedCookie   WarningKind = "copied"         // to a user who had the browser remembered: its cookie has a copy
	CopiedCookieOf WarningKind = "copied_of"      // to an admin, of these users
	EntryMade      WarningKind = "entry_made"     // to a user for whom an admin made an entry code
	BudgetDay      WarningKind = "budget_day"     // to an admin: most of the day's SMS are used
	BudgetMonth    WarningKind = "budget_month"   // to an admin: most of the month's
)

// WarningKinds lists every kind.
func WarningKinds() []WarningKind {
	return []WarningKind{WrongCodes, WrongCodesOf, CopiedCookie, CopiedCookieOf, EntryMade, BudgetDay, BudgetMonth}
}

func (k WarningKind) key(part string) string { return "warning." + string(k) + "." + part }

// warningTexts is how many texts of an SMS each kind has. The last of them holds no name, so that it fits whatever is called how.
const warningTexts = 3

// keys maps the texts of one kind to their placeholders.
func (k WarningKind) keys() map[string][]string {
	if k == BudgetDay || k == BudgetMonth {
		used := []string{"app", "count!", "limit!"}
		return map[string][]string{
			k.key("subject"): {"app"}, k.key("text"): used, k.key("next"): nil, k.sms(1): used, k.sms(2): used, k.sms(3): {"count", "limit"},
		}
	}
	names := []string{"app", "user"}
	count := []string{}
	if k == WrongCodes || k == WrongCodesOf {
		count = []string{"count"}
	}
	whose := append([]string{"app", "user!"}, count...) // an admin who is not told whose account it is can do nothing
	if k == WrongCodes || k == CopiedCookie || k == EntryMade {
		whose = append(names, count...)
	}
	all := map[string][]string{k.key("subject"): names, k.key("text"): whose, k.key("next"): nil}
	for n := 1; n < warningTexts; n++ {
		all[k.sms(n)] = append([]string{"app", "user"}, count...)
	}
	all[k.sms(warningTexts)] = count
	return all
}

func (k WarningKind) sms(n int) string { return k.key(fmt.Sprintf("sms.%d", n)) }

// Warning words a warning. Its SMS texts stand best first, as Message's.
func (s *Set) Warning(lang string, d Warning) (Message, error) {
	d = d.cleaned()
	v := warningView{page: s.page(lang, d.AppName, "", nil), D: d}
	var m Message
	var err error
	if m.Subject, err = v.part("subject"); err != nil {
		return Message{}, err
	}
	v.Title = m.Subject
	for n := 1; n <= warningTexts; n++ {
		text, err := v.part(fmt.Sprintf("sms.%d", n))
		if err != nil {
			return Message{}, err
		}
		m.SMS = append(m.SMS, text)
	}
	if m.Text, err = v.text(); err != nil {
		return Message{}, err
	}
	var html strings.Builder
	if err := s.render(&html, "warning.html", v); err != nil {
		return Message{}, err
	}
	m.HTML = html.String()
	return m, nil
}

func (d Warning) cleaned() Warning {
	m := MessageData{AppName: d.AppName, Host: d.Host, User: d.User, Address: d.Address, Agent: d.Agent, When: d.When}.cleaned()
	d.AppName, d.Host, d.User, d.Address, d.Agent, d.When = m.AppName, m.Host, m.User, m.Address, m.Agent, m.When
	return d
}

// warningView is what warning.html is given.
type warningView struct {
	page
	D Warning
}

// Key is the key of a part of this kind's texts.
func (v warningView) Key(part string) string { return v.D.Kind.key(part) }

func (v warningView) part(part string) (string, error) {
	return v.Plain(v.Key(part), "app", v.D.AppName, "user", v.D.User, "count", v.D.Count, "limit", v.D.Limit)
}

// Details are the lines about the attempt that are known.
func (v warningView) Details() ([]detail, error) {
	return v.details(v.D.User, v.D.When, v.D.Address, v.D.Agent)
}

// text is the e-mail for readers without HTML.
func (v warningView) text() (string, error) {
	var lines []string
	for _, part := range []string{"text", "next"} {
		line, err := v.part(part)
		if err != nil {
			return "", err
		}
		lines = append(lines, line, "")
	}
	heading, err := v.Plain("warning.details")
	if err != nil {
		return "", err
	}
	details, err := v.Details()
	if err != nil {
		return "", err
	}
	lines = append(lines, heading)
	for _, d := range details {
		lines = append(lines, d.Label+": "+d.Value)
	}
	return strings.Join(lines, "\n") + "\n", nil
}
