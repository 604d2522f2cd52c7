package challenge

// Outcome is how the Detail of a FoundLogin begins: what the policy says of a login. In mode: observe it is what would have happened.
type Outcome string

const (
	OutcomeCode    Outcome = "code"    // asked for one, where no trusted browser spares it
	OutcomeLetIn   Outcome = "let in"  // without a code
	OutcomeRefused Outcome = "refused" //
)

// Observes reports whether nobody is asked for a code (mode: observe).
func (d *Door) Observes() bool {
	return d.Policy().config.Observe
}

// observes reports whether mode: observe lets j in. A name that cannot be compared is nobody's, and no session can be kept for it.
func (p *Policy) observes(j Judgement) bool { return p.config.Observe && !j.Username.IsZero() }

// outcome words j for the report.
func (j Judgement) outcome() string {
	switch {
	case j.Refusal != "":
		return string(OutcomeRefused) + ": " + string(j.Refusal)
	case j.Exempt != "":
		return string(OutcomeLetIn) + ": " + string(j.Exempt)
	}
	return string(OutcomeCode) + ": " + string(j.User.Code)
}
