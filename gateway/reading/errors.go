package reading

import "errors"

// What is refused, and as what. Each error says where and why; none holds a value that the client sent.
var (
	// ErrUnreadable: upstreams would read it differently, or not at all (400).
	ErrUnreadable = errors.New("cannot be read in one way")
	// ErrAmbiguous: a field that counts is there twice, or under another spelling that upstreams take for it (400).
	ErrAmbiguous = errors.New("says one thing twice")
	// ErrTooLarge: more than is read (413).
	ErrTooLarge = errors.New("is too large")
	// ErrNotLogin: neither a user nor a password field is there. The Login that comes with it can still be sent on.
	ErrNotLogin = errors.New("has no user and password field")
)
