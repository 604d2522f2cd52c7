// Package gateway is the reverse proxy with a door in it: what a request goes through from the socket to the application and back.
//
// The road of a request stands in road.go, top to bottom: serve → login → askCode → tryCode → letIn. The invariants and the
// files that keep them:
//
//	1  no code, no entry             road.go (letIn takes a challenge.Pass, which only challenge/admit.go makes), script.go
//	2  only sealed cookies go up     cookies.go, seal
//	3  a login in a fresh session    submit; or in its visitor's, which ends with it: carry.go, firstpage.go, visitors.go, crossing.go
//	4  who is in is asked            submit, renewed.go
//	5  default deny                  road.go, rules.go, scan
//	6  one reading of a request      receive.go, reading
//	9  fail closed, and say so       refuse.go
//	10 revocation is immediate       live.go, stay.go
//	11 scripts do not run the door   codepage.go
//
// Package gateway knows HTTP and the upstream; whether a login needs a code, and which one, is package challenge's to say.
package gateway
