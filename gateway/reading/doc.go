// Package reading is the one reading of a request (invariants 5 and 6): what the gateway judges and what the upstream
// receives are the same bytes, read the same way. What could be read in two ways is refused here, before anything is judged.
//
// The upstreams are old and forgiving: they fold field names as PHP does, take /login.php/x for /login.php, and decode what
// is already decoded. So nothing here guesses what an upstream might mean by an odd spelling. For visitors, logins, doors
// and our own pages a spelling is canonical or an error; for members' ordinary odd addresses all plausible readings are
// handed out, to be held against the rules one by one.
//
// Path, Pattern, Params and Login are made by this package only, so a rule cannot be held against a raw string.
package reading
