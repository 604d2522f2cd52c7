package challenge

// PolicyWaits reports whether a SetPolicy waits for entries under way. Tests that force that race need to know.
func (d *Door) PolicyWaits() bool {
	if d.gate.TryRLock() {
		d.gate.RUnlock()
		return false
	}
	return true
}
