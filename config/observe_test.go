package config

import (
	"strings"
	"testing"
)

// In the days of mode: observe a user without a destination is a thing to collect, not a fault of the file.
func TestObserveTakesUsersWithoutDestination(t *testing.T) {
	const users = "users:\n  - {name: ahmad, code: both}\n"
	s := sendable(t)
	if policy, found := LoadPolicy(write(t, "users.yaml", users), s); policy != nil {
		t.Errorf("mode: enforce takes a user without a destination: %v", found)
	}
	observing := *s
	observing.Observe = true
	policy, found := LoadPolicy(write(t, "users.yaml", users), &observing)
	if policy == nil || !strings.Contains(found.Error(), "mobile is missing") || !strings.Contains(found.Error(), "email is missing") {
		t.Errorf("mode: observe: %v", found)
	}
}
