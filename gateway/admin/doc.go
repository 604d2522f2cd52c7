// Package admin is where the admin of a running gateway comes in: a unix socket that answers commands of the program doorcode as HTTP
// with JSON. It has a listener of its own and is no part of the road of a request: nothing of it is reachable over the network
// (threat E3). What the commands do is given to it as verbs; the command line runs the same functions where no gateway runs.
package admin
