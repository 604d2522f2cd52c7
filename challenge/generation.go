package challenge

import (
	"context"
	"fmt"

	"doorcode/challenge/keys"
)

// Generations is what a Store can do besides when its state is a file that an older copy may be put in place of.
type Generations interface {
	// Generation returns the number last set; 0 for a new state.
	Generation(ctx context.Context) (uint64, error)

	// SetGeneration writes the number, on disk when it returns nil.
	SetGeneration(ctx context.Context, g uint64) error

	// VoidTrust forgets every browser, trust, session and challenge. Wrong codes and limits stay.
	VoidTrust(ctx context.Context) error
}

// Reconcile compares the generation in the state with the one in the key file and moves both on. restored says that they did not
// match: an older copy of the state was put back, so deleted browsers and used codes were in it again (threat D8), and every trust,
// session and challenge has been voided: everybody gets a code again. Call it before the first login, and again when the gateway
// stops: then also a copy made while it ran is known as old. A store without Generations is left alone.
//
// The state moves first, then the keys, so a crash between leaves the state one ahead, which is no sign of a restore. A state that is
// further ahead belongs to an older copy of the key file, and what it is itself nobody can tell: void too. State and keys restored
// from one backup look like the day of the backup; whoever can put both back could as well stop the clock.
func Reconcile(ctx context.Context, store Store, ring *keys.Ring) (restored bool, err error) {
	s, ok := store.(Generations)
	if !ok {
		return false, nil
	}
	state, err := s.Generation(ctx)
	if err != nil {
		return false, fmt.Errorf("read the generation of the state: %w", err)
	}
	known := ring.Generation()
	if state != known && state != known+1 {
		restored = true
		// Before the generation moves: a crash in between finds the mismatch again.
		if err := s.VoidTrust(ctx); err != nil {
			return true, fmt.Errorf("void the trust in a restored state: %w", err)
		}
	}
	next := max(state, known) + 1
	if err := s.SetGeneration(ctx, next); err != nil {
		return restored, fmt.Errorf("move the generation of the state to %d: %w", next, err)
	}
	if err := ring.Move(next); err != nil {
		return restored, err
	}
	return restored, nil
}
