package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// maxBody bounds a request. The longest is a user with many aliases.
const maxBody = 1 << 20

// prefix is where verbs stand; it changes when a verb's meaning does.
const prefix = "/v1/"

// Verb is one thing that can be asked for.
type Verb struct {
	name string
	do   func(ctx context.Context, by Caller, body []byte) (any, error)
}

// Do makes a verb of a function. The name is letters and dashes, the input and the answer are JSON. What do has begun is not cut short
// when the caller goes away.
func Do[In, Out any](name string, do func(ctx context.Context, by Caller, in In) (Out, error)) Verb {
	return Verb{name: name, do: func(ctx context.Context, by Caller, body []byte) (any, error) {
		in, err := read[In](body)
		if err != nil {
			return nil, err
		}
		return do(ctx, by, in)
	}}
}

func read[In any](body []byte) (in In, err error) {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields() // a command of another version must not have half of what it asks for done
	if err := d.Decode(&in); err != nil {
		return in, &Error{Text: "the gateway does not understand this command: " + err.Error(), Hint: "are the program and the running gateway of one version?"}
	}
	return in, nil
}

// Error is a refusal as it travels: a sentence for people, and what to do.
type Error struct {
	Text string `json:"error"`
	Hint string `json:"hint,omitempty"`
	Code string `json:"code,omitempty"` // for programs; "" where nothing hangs on it
}

func (e *Error) Error() string { return e.Text }

// Handler answers verbs. It answers nobody of whom the kernel does not say who he is, so it is of no use on any listener but a
// unix socket's, whoever mounts it where (threat E3).
type Handler struct {
	verbs map[string]Verb
	log   zerolog.Logger
}

// NewHandler makes a Handler of verbs.
func NewHandler(log zerolog.Logger, verbs ...Verb) *Handler {
	h := &Handler{verbs: make(map[string]Verb, len(verbs)), log: log}
	for _, v := range verbs {
		h.verbs[v.name] = v
	}
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	by, known := callerOf(r.Context())
	if !known {
		answer(w, http.StatusForbidden, &Error{Text: "nobody knows who asks"})
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, prefix)
	verb, has := h.verbs[name]
	switch {
	case !ok || !has:
		answer(w, http.StatusNotFound, &Error{Text: fmt.Sprintf("the running gateway knows no command %.60q", name), Hint: "is it of an older version than this program?"})
		return
	case r.Method != http.MethodPost:
		answer(w, http.StatusMethodNotAllowed, &Error{Text: "commands are sent by POST"})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer(w, http.StatusBadRequest, &Error{Text: err.Error()})
		return
	}
	got, err := verb.do(context.WithoutCancel(r.Context()), by, body)
	if err != nil {
		h.log.Warn().Err(err).Str("event", "admin").Str("command", name).Stringer("by", by).Msg("a command was refused")
		answer(w, http.StatusUnprocessableEntity, refusal(err))
		return
	}
	answer(w, http.StatusOK, got)
}

// refusal words an error for the one who asked. He is an admin: he is told all of it.
func refusal(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Text: err.Error()}
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		e.Hint = h.Hint()
	}
	return e
}

func answer(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // who asked has gone
}

const (
	headerLimit = 5 * time.Second
	drainLimit  = 3 * time.Second // for commands under way when the gateway stops
)

// Serve answers at s until ctx ends, and closes it.
func (s *Socket) Serve(ctx context.Context, h http.Handler, log zerolog.Logger) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerLimit, MaxHeaderBytes: 16 << 10, ConnContext: withCaller,
		ErrorLog: stdlog.New(lines{log}, "", 0),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.listener) }()
	select {
	case err := <-failed:
		if errors.Is(err, net.ErrClosed) {
			return s.Close() // somebody else has ended it
		}
		return errors.Join(fmt.Errorf("admin socket %s: %w", s.path, err), s.Close())
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	err := server.Shutdown(drain)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		err = server.Close()
	case errors.Is(err, net.ErrClosed):
		err = nil
	}
	return errors.Join(err, s.Close())
}

// lines turns what net/http says into log lines: of a panic in a verb, above all.
type lines struct{ log zerolog.Logger }

func (l lines) Write(line []byte) (int, error) {
	l.log.Warn().Msg("admin socket: " + strings.TrimSpace(string(line)))
	return len(line), nil
}
